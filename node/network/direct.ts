/**
 * Messages between two members, on one stream that stays open as long as the connection: a stream a message
 * costs ten times as much. The dialler opens it, both use it, and what one says arrives in order.
 *
 * The first frame of each side proves that it knows the cluster key. Until then nothing else is read, and
 * no frame longer than that is accepted. After any nonsense the whole connection is given up.
 *
 * All that is queued in one turn of the event loop leaves in one write, which is what costs: about 0.1 ms a
 * write at either end, whatever is in it.
 */
import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'
import type { MemberId } from '../../protocol/base/id.ts'
import { limits } from '../../protocol/limits.ts'
import { helloBytes, isHello } from './cluster.ts'
import type { Counters, DropReason } from './counters.ts'
import { encodeFrames, FrameDecoder } from './frame.ts'
import { SendQueue } from './send-queue.ts'
import { timing } from './timing.ts'
import { spareWindowUpdates } from './window-updates.ts'

export interface DirectOwner {
  onProven(stream: DirectStream): void
  onMessage(stream: DirectStream, bytes: Uint8Array): void
  /** Exactly once; the connection is closing or closed. */
  onClosed(stream: DirectStream): void
}

export interface DirectInit {
  stream: Stream
  connection: Connection
  ourHello: Uint8Array
  theirHello: Uint8Array
  counters: Counters
  owner: DirectOwner
}

/** Asks for a sign of life, and is one. */
const sign = new Uint8Array(0)

export class DirectStream {
  readonly member: MemberId
  readonly connection: Connection
  readonly openedAt = Date.now()
  /** When the member last said anything, and when we did. */
  #heardAt = Date.now()
  #spokeAt = Date.now()
  /** When we asked for a sign of life; 0 once anything was heard. */
  #askedAt = 0
  /** When the link last carried a message, signs of life apart. */
  usedAt = Date.now()
  readonly #stream: Stream
  readonly #ourHello: Uint8Array
  readonly #theirHello: Uint8Array
  readonly #counters: Counters
  readonly #owner: DirectOwner
  readonly #decoder = new FrameDecoder(helloBytes)
  readonly #queue = new SendQueue()
  #state: 'unproven' | 'proven' | 'closed' = 'unproven'
  #flushing = false
  #blocked = false
  #onDrained: (() => void) | undefined

  constructor(init: DirectInit) {
    this.member = init.connection.remotePeer.toString()
    this.connection = init.connection
    this.#stream = init.stream
    this.#ourHello = init.ourHello
    this.#theirHello = init.theirHello
    this.#counters = init.counters
    this.#owner = init.owner
    spareWindowUpdates(init.stream)
    init.stream.addEventListener('message', (event) => this.#onData(event))
    init.stream.addEventListener('drain', () => this.#onDrain())
    init.stream.addEventListener('remoteCloseWrite', () => this.abort())
    init.stream.addEventListener('close', () => this.#onClose())
    init.connection.addEventListener('close', () => this.#onClose())
  }

  get heardAt(): number {
    return this.#heardAt
  }

  get isProven(): boolean {
    return this.#state === 'proven'
  }

  sayHello(): void {
    this.#write([this.#ourHello])
  }

  /** Never waits; what does not fit is dropped and counted. */
  send(bytes: Uint8Array): void {
    if (!this.#queue.push(bytes)) {
      this.#counters.drop('queue-full')
      return
    }
    this.usedAt = Date.now()
    if (this.#flushing || this.#blocked) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  /**
   * Says that no more will come, after all that is queued. The other side reads to the end and hangs up,
   * which resolves this: a socket that is simply closed takes back what the other has not read yet.
   */
  async end(): Promise<void> {
    if (this.#state !== 'proven') return
    if (this.#queue.length > 0 || this.#blocked) await new Promise<void>(this.#onceDrained)
    await new Promise<void>((resolve) => {
      this.connection.addEventListener('close', () => resolve(), { once: true })
      if (this.connection.status === 'open') this.#stream.close().catch(() => resolve())
      else resolve()
    })
  }

  #onceDrained = (resolve: () => void): void => {
    this.#onDrained = resolve
  }

  /** Called about once a second: cuts the link when its other end is gone without a word. */
  watch(now: number): void {
    if (this.#askedAt !== 0) {
      if (now - this.#askedAt >= timing.signMs) this.abort('silent')
      return
    }
    const silentMs = now - this.#heardAt
    const unanswered = this.#spokeAt > this.#heardAt && silentMs >= timing.unansweredMs
    if (!unanswered && silentMs < timing.idleCheckMs) return
    this.#askedAt = now
    this.#write([sign])
  }

  /** Gives up the connection, and with it the other streams on it: they are of no use without this one. */
  abort(reason?: DropReason): void {
    if (this.#state === 'closed') return
    if (reason !== undefined) this.#counters.drop(reason)
    this.connection.abort(new Error(reason ?? 'given up'))
    this.#onClose()
  }

  #flush(): void {
    this.#flushing = false
    while (!this.#blocked && this.#state === 'proven' && this.#queue.length > 0) {
      const batch = this.#queue.takeBatch()
      this.#counters.sent += batch.length
      for (const message of batch) this.#counters.bytesSent += message.length
      this.#write(batch)
    }
    if (!this.#blocked) this.#onDrained?.()
  }

  #write(messages: readonly Uint8Array[]): void {
    try {
      this.#blocked = !this.#stream.send(encodeFrames(messages))
      this.#spokeAt = Date.now()
    } catch {
      // It closed under our hands. The close event has come or is about to.
      this.abort()
    }
  }

  #onDrain(): void {
    if (!this.#blocked) return
    this.#blocked = false
    this.#flush()
  }

  #onData(event: StreamMessageEvent): void {
    this.#heardAt = Date.now()
    this.#askedAt = 0
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
    for (const chunk of chunks) {
      if (this.#state === 'closed') return
      if (this.#decoder.push(chunk, (message) => this.#onFrame(message))) continue
      this.abort(this.isProven ? 'too-large' : 'malformed')
    }
  }

  #onFrame(message: Uint8Array): boolean {
    if (this.#state === 'proven') {
      if (message.length > 0) this.#onMessage(message)
      else this.#onSign()
    } else if (this.#state === 'unproven') {
      this.#onHello(message)
    }
    return true
  }

  /** What we said a moment ago is sign enough, and an answer to an answer would have no end. */
  #onSign(): void {
    if (!this.#blocked && this.#heardAt - this.#spokeAt >= timing.sweepMs) this.#write([sign])
  }

  #onMessage(message: Uint8Array): void {
    this.usedAt = this.#heardAt
    this.#counters.received++
    this.#counters.bytesReceived += message.length
    this.#owner.onMessage(this, message)
  }

  #onHello(message: Uint8Array): void {
    if (message.length !== helloBytes || message[0] !== this.#theirHello[0]) {
      this.abort('malformed')
      return
    }
    if (!isHello(message, this.#theirHello)) {
      this.abort('handshake-refused')
      return
    }
    this.#state = 'proven'
    this.#decoder.maxBytes = limits.messageBytes
    if (this.connection.direction === 'inbound') this.sayHello()
    this.#owner.onProven(this)
  }

  #onClose(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#counters.drop('unreachable', this.#queue.clear())
    this.#onDrained?.()
    this.#owner.onClosed(this)
  }
}
