/**
 * What the driver needs of a network, whoever provides it. Member ids are libp2p PeerIds in text form.
 * Nothing here waits: what is sent may be lost, and the protocol repairs it.
 */
import type { Duplex } from 'node:stream'
import type { PrivateKey } from '@libp2p/interface'
import type { MemberId } from '../../protocol/base/id.ts'
import type { GossipMesh } from '../../protocol/membership/gossip-mesh.ts'
import { Libp2pNetwork } from './libp2p-network.ts'

export interface NetworkInit {
  /** An Ed25519 key: the key object of libp2p, or its protobuf encoding. */
  privateKey: PrivateKey | Uint8Array
  /** 32 bytes that only members know. */
  clusterKey: Uint8Array
  /** A short name that follows from the key, for the protocol ids. */
  cluster: string
  cell: 'main'
  /** Port 0 takes any free one. */
  listen: { host: string; port: number }
  /** Multiaddrs that others are told instead of the ones that are listened on. */
  announce?: string[]
  /** HOST:PORT of any agents. */
  join: string[]
  handlers: NetworkHandlers
}

export function createNetwork(init: NetworkInit): Network {
  return new Libp2pNetwork(init)
}

export interface Network {
  readonly self: MemberId
  /** Multiaddrs that others can dial, without the peer id. */
  addresses(): string[]
  /** Starts listening; then keeps trying the join addresses, with jittered back-off, until linked. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Fire and forget. Opens a link on demand at `addressesOf(to)`; queues a bounded number meanwhile. */
  send(to: MemberId, bytes: Uint8Array): void
  /** Gossip to every member. */
  publish(bytes: Uint8Array): void
  /** These links are held open and dialled again when they close; gossip goes over some of them. */
  keepLinks(members: readonly MemberId[], mesh?: GossipMesh): void
  isLinked(member: MemberId): boolean
  /** Until `withdraw`, the DHT answers with this node for `name`. */
  provide(name: string): void
  withdraw(name: string): void
  /** Hints; ends at the signal or when the DHT has no more. */
  findProviders(name: string, signal: AbortSignal): AsyncIterable<MemberId>
  /** A byte stream to the member's `onStream`; rejects when it cannot be reached. */
  openStream(to: MemberId, signal?: AbortSignal): Promise<Duplex>
  counters(): NetworkCounters
}

export interface NetworkHandlers {
  /** Of an authenticated member, at most `limits.messageBytes`. */
  onMessage(from: MemberId, bytes: Uint8Array): void
  onGossip(bytes: Uint8Array): void
  /** The first connection to a member opened, or the last one closed. */
  onLinkOpened(member: MemberId): void
  onLinkClosed(member: MemberId): void
  onStream(from: MemberId, stream: Duplex): void
  /** Where the protocol believes a member to be; empty when it does not know. */
  addressesOf(member: MemberId): readonly string[]
}

export interface NetworkCounters {
  links: number
  sent: number
  received: number
  bytesSent: number
  bytesReceived: number
  published: number
  /** To neighbours, of what was published. */
  publishedCopies: number
  gossipReceived: number
  /** Dropped, by reason: `queue-full`, `too-large`, `unreachable`, `handshake-refused`, … */
  dropped: { [reason: string]: number }
}
