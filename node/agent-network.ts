/** What arrives from the network, decoded and told to the driver; what cannot be decoded is counted by the core. */
import type { Duplex } from 'node:stream'
import type { MemberId } from '../protocol/base/id.ts'
import { decodeBroadcast, decodeMessage } from '../protocol/codec.ts'
import type { Driver } from './driver.ts'
import type { NetworkHandlers } from './network/network.ts'

/** Gossip is relayed: who made up what does not decode is not known. */
const nobody: MemberId = ''

export function createHandlers(
  driver: Driver,
  agent: {
    addressesOf(member: MemberId): readonly string[]
    onStream(stream: Duplex): void
  },
): NetworkHandlers {
  return {
    onMessage: (from, bytes) => {
      const decoded = decodeMessage(bytes)
      if (decoded.ok)
        driver.receive({ type: 'message-received', from, message: decoded.value }, bytes.length)
      else {
        const { reason, detail } = decoded
        driver.receive({ type: 'message-refused', from, reason, detail }, detail.length)
      }
    },
    onGossip: (bytes) => {
      const decoded = decodeBroadcast(bytes)
      if (decoded.ok)
        driver.receive({ type: 'broadcast-received', broadcast: decoded.value }, bytes.length)
      else {
        const { reason, detail } = decoded
        driver.receive({ type: 'message-refused', from: nobody, reason, detail }, detail.length)
      }
    },
    onLinkOpened: (member) => driver.tell({ type: 'link-opened', member }),
    onLinkClosed: (member) => driver.tell({ type: 'link-closed', member }),
    onStream: (_from, stream) => agent.onStream(stream),
    addressesOf: agent.addressesOf,
  }
}
