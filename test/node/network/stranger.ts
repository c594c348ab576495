/** Those who are not members: who speak libp2p, know the cluster key even, or say nothing that makes sense. */
import { connect, type Socket } from 'node:net'
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { networkKey, type ProtocolIds } from '../../../node/network/cluster.ts'
import { gossipOptions } from '../../../node/network/gossip.ts'
import { protector } from '../../../node/network/protector.ts'

export interface StrangerInit {
  /** The cluster key; left out, no private network at all. */
  readonly key?: Uint8Array
  readonly privateKey?: PrivateKey
}

export async function libp2pStranger(ids: ProtocolIds, init: StrangerInit = {}) {
  return createLibp2p({
    privateKey: init.privateKey ?? (await generateKeyPair('Ed25519')),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    ...(init.key && { connectionProtector: protector(networkKey(init.key)) }),
    services: { identify: identify(), pubsub: gossipsub(gossipOptions(ids.gossip)) },
  })
}

/** Whether it gets as far as a stream of messages. */
export async function getsThrough(node: Libp2p, to: Multiaddr, ids: ProtocolIds): Promise<boolean> {
  try {
    const connection = await node.dial(to)
    await connection.newStream(ids.direct)
    return true
  } catch {
    return false
  }
}

/** Sends the frames on a stream of messages of its own. Needs the cluster key to get so far. */
export async function speak(
  node: Libp2p,
  to: Multiaddr,
  ids: ProtocolIds,
  frames: readonly Uint8Array[] = [],
) {
  const connection = await node.dial(to)
  const stream = await connection.newStream(ids.direct)
  stream.addEventListener('message', () => {})
  for (const frame of frames) stream.send(frame)
  return { stream, isClosed: () => connection.status !== 'open' }
}

/** A connection that speaks no libp2p. */
export function rawSocket(hostPort: string): Socket {
  const [host, port] = hostPort.split(':')
  const socket = connect(Number(port), host!)
  socket.on('error', () => {})
  return socket
}
