/** Members in this process, on ports of 127.0.0.1, for the tests of the network. */

import type { Duplex } from 'node:stream'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { createNetwork, type Network, type NetworkInit } from '../../../node/network/network.ts'
import type { MemberId } from '../../../protocol/base/id.ts'

export const clusterKey = new Uint8Array(32).fill(7)

export interface TestMember {
  id: MemberId
  network: Network
  received: { from: MemberId; text: string }[]
  gossip: string[]
  opened: MemberId[]
  closed: MemberId[]
  streams: { from: MemberId; stream: Duplex }[]
  /** What this member believes of the others' addresses. */
  book: Map<MemberId, string[]>
  onStream: ((stream: Duplex) => void) | undefined
}

export async function keyOf(seed: number): Promise<Ed25519PrivateKey> {
  return generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(seed))
}

export async function member(
  seed: number,
  options: Partial<Omit<NetworkInit, 'handlers'>> = {},
): Promise<TestMember> {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const self: TestMember = {
    id: '',
    received: [],
    gossip: [],
    opened: [],
    closed: [],
    streams: [],
    book: new Map(),
    onStream: undefined,
    network: createNetwork({
      privateKey: await keyOf(seed),
      clusterKey,
      cluster: 'test',
      cell: 'main',
      listen: { host: '127.0.0.1', port: 0 },
      join: [],
      ...options,
      handlers: {
        onMessage: (from, bytes) => self.received.push({ from, text: text(bytes) }),
        onGossip: (bytes) => self.gossip.push(text(bytes)),
        onLinkOpened: (id) => self.opened.push(id),
        onLinkClosed: (id) => self.closed.push(id),
        onStream: (from, stream) => {
          stream.on('error', () => {})
          self.streams.push({ from, stream })
          self.onStream?.(stream)
        },
        addressesOf: (id) => self.book.get(id) ?? [],
      },
    }),
  }
  self.id = self.network.self
  await self.network.start()
  return self
}

/** Everyone knows everyone's addresses. */
export function introduce(...members: TestMember[]): void {
  for (const one of members) {
    for (const other of members) one.book.set(other.id, other.network.addresses())
  }
}

export function hostPort(of: TestMember): string {
  const [, , host, , port] = of.network.addresses()[0]!.split('/')
  return `${host}:${port}`
}

export async function until(
  what: string,
  condition: () => boolean,
  limitMs = 15_000,
): Promise<void> {
  const end = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
