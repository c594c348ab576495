/**
 * The links to other members. A member is linked while at least one connection to it carries a proven
 * stream of messages (direct.ts).
 *
 * Two members that dial each other at once end up with two connections, and keep both: were each to close
 * one, they could close both. What is sent takes the connection that proved itself last, because a member
 * that dials again has given up the earlier one.
 */
import type { Connection, Stream } from '@libp2p/interface'
import type { MemberId } from '../../protocol/base/id.ts'
import { limits } from '../../protocol/limits.ts'
import { dialable } from './address.ts'
import { hello, type ProtocolIds } from './cluster.ts'
import type { Counters } from './counters.ts'
import { Dialler } from './dialler.ts'
import { type DirectOwner, DirectStream } from './direct.ts'
import type { Node } from './libp2p.ts'
import type { NetworkHandlers } from './network.ts'
import { SendQueue } from './send-queue.ts'
import { timing } from './timing.ts'

export interface LinksInit {
  node: Node
  self: MemberId
  clusterKey: Uint8Array
  protocols: ProtocolIds
  counters: Counters
  handlers: NetworkHandlers
}

export class Links implements DirectOwner {
  readonly dialler: Dialler
  readonly #init: LinksInit
  readonly #stopping = new AbortController()
  /** Of every connection that has one, proven or not. */
  readonly #streams = new Map<string, DirectStream>()
  /** The proven ones, the latest last. */
  readonly #linked = new Map<MemberId, DirectStream[]>()
  /** Messages for members that are being dialled. */
  readonly #waiting = new Map<MemberId, SendQueue>()
  /** Attempts whose connection is there but not proven yet. */
  readonly #awaiting = new Map<MemberId, (() => void)[]>()

  constructor(init: LinksInit) {
    this.#init = init
    this.dialler = new Dialler({
      self: init.self,
      dial: (member) => this.#dialMember(member),
      isLinked: (member) => this.isLinked(member),
      onFailed: (member) => this.#dropWaiting(member),
    })
  }

  async start(): Promise<void> {
    const { node, protocols } = this.#init
    node.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'outbound') void this.#openStream(detail)
    })
    const handler = (stream: Stream, connection: Connection) => this.#onStream(stream, connection)
    await node.handle(protocols.direct, handler, { maxInboundStreams: 1, maxOutboundStreams: 1 })
  }

  get count(): number {
    return this.#linked.size
  }

  isLinked(member: MemberId): boolean {
    return this.#linked.has(member)
  }

  members(): IterableIterator<MemberId> {
    return this.#linked.keys()
  }

  /** The stream that carries what is sent to the member. */
  streamTo(member: MemberId): DirectStream | undefined {
    return this.#linked.get(member)?.at(-1)
  }

  streams(): IterableIterator<DirectStream> {
    return this.#streams.values()
  }

  isProven(connection: Connection): boolean {
    return this.#streams.get(connection.id)?.isProven ?? false
  }

  send(to: MemberId, bytes: Uint8Array): void {
    const { counters } = this.#init
    if (bytes.length > limits.messageBytes) return counters.drop('too-large')
    const stream = this.streamTo(to)
    if (stream !== undefined) return stream.send(bytes)
    const attempt = to === this.#init.self ? undefined : this.dialler.demand(to, 'may-wait')
    if (attempt === undefined) return counters.drop('unreachable')
    const queue = this.#waiting.get(to) ?? new SendQueue()
    this.#waiting.set(to, queue)
    if (!queue.push(bytes)) counters.drop('queue-full')
  }

  /** The member's connection, dialled now if need be. */
  async connect(member: MemberId, signal: AbortSignal): Promise<Connection> {
    if (!this.isLinked(member)) {
      await Promise.race([this.dialler.demand(member, 'now'), aborted(signal)])
    }
    const stream = this.streamTo(member)
    if (stream === undefined) throw new Error(`member ${member} cannot be reached`)
    return stream.connection
  }

  /** Dials an address whose member is not known yet; resolves once that member is linked. */
  async dialAddress(address: string): Promise<void> {
    await this.#dial(dialable([address]))
  }

  /** What was sent before the stop, a farewell perhaps, gets a moment to leave. */
  async end(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs)
    })
    const streams = [...this.#streams.values()]
    await Promise.race([limit, Promise.all(streams.map((stream) => stream.end()))])
    clearTimeout(timer)
  }

  stop(): void {
    this.#stopping.abort()
    this.dialler.stop()
    for (const member of this.#waiting.keys()) this.#dropWaiting(member)
  }

  onProven(stream: DirectStream): void {
    const { member } = stream
    const streams = this.#linked.get(member) ?? []
    this.#linked.set(member, [...streams, stream])
    this.dialler.onLinked(member)
    for (const settle of this.#awaiting.get(member) ?? []) settle()
    this.#awaiting.delete(member)
    if (streams.length === 0) this.#init.handlers.onLinkOpened(member)
    this.#sendWaiting(member, stream)
  }

  onMessage(stream: DirectStream, bytes: Uint8Array): void {
    this.#init.handlers.onMessage(stream.member, bytes)
  }

  onClosed(stream: DirectStream): void {
    this.#streams.delete(stream.connection.id)
    const { member } = stream
    const streams = this.#linked.get(member) ?? []
    if (!streams.includes(stream)) return
    const rest = streams.filter((other) => other !== stream)
    if (rest.length > 0) {
      this.#linked.set(member, rest)
      return
    }
    this.#linked.delete(member)
    this.dialler.onUnlinked(member)
    this.#init.handlers.onLinkClosed(member)
  }

  #dialMember(member: MemberId): Promise<void> {
    return this.#dial(dialable(this.#init.handlers.addressesOf(member), member))
  }

  async #dial(addresses: ReturnType<typeof dialable>): Promise<void> {
    if (addresses.length === 0) throw new Error('no address is known')
    const signal = AbortSignal.any([AbortSignal.timeout(timing.dialMs), this.#stopping.signal])
    const connection = await this.#init.node.dial(addresses, { signal })
    await this.#proofOf(connection)
  }

  /** Settled by the first of: a stream to the member is proven, this connection closes. */
  async #proofOf(connection: Connection): Promise<void> {
    const member = connection.remotePeer.toString()
    if (!this.isLinked(member)) {
      await new Promise<void>((resolve) => {
        connection.addEventListener('close', () => resolve(), { once: true })
        this.#awaiting.set(member, [...(this.#awaiting.get(member) ?? []), resolve])
      })
    }
    if (!this.isLinked(member)) throw new Error('it closed before it proved to be a member')
  }

  /** The dialler opens the stream and speaks first. */
  async #openStream(connection: Connection): Promise<void> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timing.proofMs), this.#stopping.signal])
      const stream = await connection.newStream(this.#init.protocols.direct, { signal })
      this.#adopt(stream, connection).sayHello()
    } catch (error) {
      if (connection.status !== 'open') return
      if (!this.#stopping.signal.aborted) this.#init.counters.drop('handshake-refused')
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #onStream(stream: Stream, connection: Connection): void {
    if (connection.direction === 'inbound' && !this.#streams.has(connection.id)) {
      this.#adopt(stream, connection)
      return
    }
    this.#init.counters.drop('malformed')
    stream.abort(new Error('the dialler opens one stream of messages'))
  }

  #adopt(stream: Stream, connection: Connection): DirectStream {
    const { clusterKey, self, counters } = this.#init
    const member = connection.remotePeer.toString()
    const direct = new DirectStream({
      stream,
      connection,
      ourHello: hello(clusterKey, self, member),
      theirHello: hello(clusterKey, member, self),
      counters,
      owner: this,
    })
    this.#streams.set(connection.id, direct)
    return direct
  }

  #sendWaiting(member: MemberId, stream: DirectStream): void {
    const queue = this.#waiting.get(member)
    this.#waiting.delete(member)
    while (queue !== undefined && queue.length > 0) {
      for (const message of queue.takeBatch()) stream.send(message)
    }
  }

  #dropWaiting(member: MemberId): void {
    this.#init.counters.drop('unreachable', this.#waiting.get(member)?.clear() ?? 0)
    this.#waiting.delete(member)
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}
