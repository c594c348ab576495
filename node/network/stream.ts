/**
 * A libp2p stream as a Duplex of Node, so that HTTP runs over it as over a socket: back-pressure both ways,
 * half-close, and an error where the other side vanished.
 *
 * Two things that the stream would not say by itself: a connection that is cut ends its streams as if all
 * had been read, so only a stream whose other side closed it properly counts as ended; and `onDrain()`
 * resolves at once from its second use on, so the event is awaited instead.
 */
import { Duplex } from 'node:stream'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { timing } from './timing.ts'

type Callback = (error?: Error | null) => void

export function toDuplex(stream: Stream): Duplex {
  return new StreamDuplex(stream)
}

class StreamDuplex extends Duplex {
  readonly #stream: Stream
  /** The other side said that it has no more to send. */
  #ended = false
  #afterDrain: Callback | undefined

  constructor(stream: Stream) {
    super({ allowHalfOpen: true })
    this.#stream = stream
    stream.addEventListener('drain', () => this.#onDrain())
    stream.addEventListener('remoteCloseWrite', () => {
      this.#ended = true
    })
    stream.addEventListener('end', () => this.#onEnd())
    stream.addEventListener('close', (event) => this.#onClose(event))
    stream.addEventListener('message', (event) => this.#onData(event))
  }

  override _read(): void {
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    try {
      if (this.#stream.send(chunk)) callback()
      else this.#afterDrain = callback
    } catch (error) {
      callback(asError(error))
    }
  }

  override _writev(chunks: { chunk: Uint8Array }[], callback: Callback): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', callback)
  }

  override _final(callback: Callback): void {
    // No limit in time: a slow reader is no reason to lose the rest. It ends with the connection.
    this.#stream.close().then(
      () => callback(),
      (error) => callback(asError(error)),
    )
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { status } = this.#stream
    if (status === 'open' || status === 'closing') {
      this.#stream.abort(error ?? new Error('given up by its reader'))
    }
    this.#settleWrite(error ?? new Error('given up'))
    callback(error)
  }

  #onData(event: StreamMessageEvent): void {
    if (this.destroyed) return
    const chunks = event.data instanceof Uint8Array ? [event.data] : event.data
    let wantsMore = true
    for (const chunk of chunks) wantsMore = this.push(chunk)
    const { readStatus } = this.#stream
    if (!wantsMore && readStatus === 'readable') this.#stream.pause()
  }

  #onDrain(): void {
    this.#settleWrite(null)
  }

  #settleWrite(error: Error | null): void {
    const callback = this.#afterDrain
    this.#afterDrain = undefined
    callback?.(error)
  }

  #onEnd(): void {
    if (this.#ended && !this.destroyed) this.push(null)
  }

  #onClose(event: StreamCloseEvent): void {
    const cut = event.error !== undefined || !this.#ended
    if (cut) this.destroy(event.error ?? new Error('the connection closed'))
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** So long may it take to reach the member and to open a stream, whatever the caller's patience. */
export function openLimit(signal?: AbortSignal): AbortSignal {
  const limit = AbortSignal.timeout(timing.dialMs + timing.proofMs)
  return signal === undefined ? limit : AbortSignal.any([limit, signal])
}
