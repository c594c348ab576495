/** The network of the agent: puts the parts on one libp2p node and starts and stops them in order. */
import type { Duplex } from 'node:stream'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { MemberId } from '../../protocol/base/id.ts'
import { limits } from '../../protocol/limits.ts'
import { type GossipMesh, sparseMesh } from '../../protocol/membership/gossip-mesh.ts'
import { toMultiaddr } from './address.ts'
import { type ProtocolIds, protocolIds } from './cluster.ts'
import { Counters } from './counters.ts'
import { ServiceIndex } from './dht.ts'
import { Gossip } from './gossip.ts'
import { JoinLoop } from './join.ts'
import { createNode, type Node } from './libp2p.ts'
import { Links } from './links.ts'
import type { Network, NetworkCounters, NetworkHandlers, NetworkInit } from './network.ts'
import { openLimit, toDuplex } from './stream.ts'
import { Sweep } from './sweep.ts'
import { timing } from './timing.ts'

interface Parts {
  node: Node
  links: Links
  gossip: Gossip
  index: ServiceIndex
  join: JoinLoop
  sweep: Sweep
}

export class Libp2pNetwork implements Network {
  readonly self: MemberId
  readonly #init: NetworkInit
  readonly #privateKey: PrivateKey
  readonly #protocols: ProtocolIds
  readonly #counters = new Counters()
  /** From the start to the stop. What is asked outside of that is lost, as on any network. */
  #parts: Parts | undefined
  /** What is asked for before the start is done then. */
  #kept: readonly MemberId[] = []
  #mesh: GossipMesh = sparseMesh
  readonly #provided = new Set<string>()

  constructor(init: NetworkInit) {
    const { privateKey } = init
    this.#init = init
    this.#privateKey =
      privateKey instanceof Uint8Array ? privateKeyFromProtobuf(privateKey) : privateKey
    if (this.#privateKey.type !== 'Ed25519') throw new TypeError('the key must be an Ed25519 key')
    if (init.clusterKey.length !== 32) throw new TypeError('the cluster key must have 32 bytes')
    this.self = peerIdFromPrivateKey(this.#privateKey).toString()
    this.#protocols = protocolIds(init.cluster, init.cell)
  }

  addresses(): string[] {
    const addresses = this.#parts?.node.getMultiaddrs() ?? []
    return addresses.map((address) => address.toString().replace(/\/p2p\/[^/]+$/, ''))
  }

  async start(): Promise<void> {
    const node = await createNode({
      privateKey: this.#privateKey,
      clusterKey: this.#init.clusterKey,
      protocols: this.#protocols,
      listen: toMultiaddr(this.#init.listen),
      announce: this.#init.announce ?? [],
      counters: this.#counters,
    })
    const parts = this.#build(node)
    await parts.links.start()
    await node.handle(this.#protocols.http, this.#onStream, {
      maxInboundStreams: limits.httpStreamsPerLink,
      maxOutboundStreams: limits.httpStreamsPerLink,
    })
    this.#parts = parts
    try {
      await node.start()
    } catch (error) {
      this.#parts = undefined
      throw error
    }
    parts.gossip.start()
    parts.sweep.start()
    parts.join.start()
    parts.links.dialler.keep(this.#kept)
    parts.gossip.setMesh(this.#mesh)
    for (const name of this.#provided) parts.index.provide(name)
  }

  async stop(): Promise<void> {
    const parts = this.#parts
    this.#parts = undefined
    if (parts === undefined) return
    parts.join.stop()
    parts.sweep.stop()
    parts.index.stop()
    parts.links.dialler.stop()
    await parts.links.end(timing.endMs)
    parts.links.stop()
    parts.gossip.stop()
    await parts.node.stop()
  }

  send(to: MemberId, bytes: Uint8Array): void {
    if (this.#parts === undefined) this.#counters.drop('unreachable')
    else this.#parts.links.send(to, bytes)
  }

  publish(bytes: Uint8Array): void {
    if (this.#parts === undefined) this.#counters.drop('publish-failed')
    else this.#parts.gossip.publish(bytes)
  }

  keepLinks(members: readonly MemberId[], mesh: GossipMesh = sparseMesh): void {
    this.#kept = members
    this.#mesh = mesh
    this.#parts?.links.dialler.keep(members)
    this.#parts?.gossip.setMesh(mesh)
  }

  isLinked(member: MemberId): boolean {
    return this.#parts?.links.isLinked(member) ?? false
  }

  provide(name: string): void {
    this.#provided.add(name)
    this.#parts?.index.provide(name)
  }

  withdraw(name: string): void {
    this.#provided.delete(name)
    this.#parts?.index.withdraw(name)
  }

  async *findProviders(name: string, signal: AbortSignal): AsyncGenerator<MemberId> {
    if (this.#parts !== undefined) yield* this.#parts.index.find(name, signal)
  }

  async openStream(to: MemberId, signal?: AbortSignal): Promise<Duplex> {
    if (this.#parts === undefined) throw new Error('the network is not running')
    const limit = openLimit(signal)
    const connection = await this.#parts.links.connect(to, limit)
    return toDuplex(await connection.newStream(this.#protocols.http, { signal: limit }))
  }

  counters(): NetworkCounters {
    return this.#counters.snapshot(this.#parts?.links.count ?? 0)
  }

  #build(node: Node): Parts {
    const counters = this.#counters
    const { clusterKey, join } = this.#init
    const handlers = this.#watched(this.#init.handlers)
    const links: Links = new Links({
      node,
      self: this.self,
      clusterKey,
      protocols: this.#protocols,
      counters,
      handlers,
    })
    return {
      node,
      links,
      gossip: new Gossip({
        node,
        topic: this.#protocols.gossip,
        counters,
        onGossip: (bytes) => handlers.onGossip(bytes),
      }),
      index: new ServiceIndex(node, counters),
      join: new JoinLoop(links, join),
      sweep: new Sweep({ node, links, http: this.#protocols.http, counters }),
    }
  }

  /** The parts that live on the links hear of them too. From the stop on nobody does. */
  #watched(handlers: NetworkHandlers): NetworkHandlers {
    return {
      addressesOf: (member) => handlers.addressesOf(member),
      onMessage: (from, bytes) => {
        if (this.#parts !== undefined) handlers.onMessage(from, bytes)
      },
      onGossip: (bytes) => {
        if (this.#parts !== undefined) handlers.onGossip(bytes)
      },
      onStream: (from, stream) => handlers.onStream(from, stream),
      onLinkOpened: (member) => {
        this.#parts?.index.onLinkOpened()
        if (this.#parts !== undefined) handlers.onLinkOpened(member)
      },
      onLinkClosed: (member) => {
        if (this.#parts?.links.count === 0) this.#parts.join.onAlone()
        if (this.#parts !== undefined) handlers.onLinkClosed(member)
      },
    }
  }

  #onStream = (stream: Stream, connection: Connection): void => {
    if (this.#parts?.links.isProven(connection)) {
      this.#init.handlers.onStream(connection.remotePeer.toString(), toDuplex(stream))
      return
    }
    this.#counters.drop('not-linked')
    stream.abort(new Error('members only'))
  }
}
