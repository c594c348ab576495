/**
 * Messages on a byte stream: four bytes of length, big endian, then the message. A length of 0 is a
 * sign of life. A length over the limit is refused before anything is allocated for it.
 */
const headerBytes = 4

/** One buffer for all of them: what a write costs does not depend on its size below some kB. */
export function encodeFrames(messages: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const message of messages) length += headerBytes + message.length
  const frames = Buffer.allocUnsafe(length)
  let offset = 0
  for (const message of messages) {
    frames.writeUInt32BE(message.length, offset)
    frames.set(message, offset + headerBytes)
    offset += headerBytes + message.length
  }
  return frames
}

export class FrameDecoder {
  /** May be raised between two messages, as more is known of who sends them. */
  maxBytes: number
  readonly #header = Buffer.alloc(headerBytes)
  #headerLength = 0
  #body: Uint8Array | undefined
  #bodyLength = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /**
   * Hands over each message that the chunk completes, as a view of the chunk where it can. False when a
   * length is over the limit, or when `onMessage` says so: the stream must then be given up.
   */
  push(chunk: Uint8Array, onMessage: (message: Uint8Array) => boolean): boolean {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#body !== undefined) {
        offset += this.#fillBody(this.#body, chunk, offset)
        if (this.#bodyLength < this.#body.length) return true
        const message = this.#body
        this.#body = undefined
        if (!onMessage(message)) return false
        continue
      }
      offset += this.#fillHeader(chunk, offset)
      if (this.#headerLength < headerBytes) return true
      this.#headerLength = 0
      const length = this.#header.readUInt32BE(0)
      if (length > this.maxBytes) return false
      if (chunk.length - offset >= length) {
        if (!onMessage(chunk.subarray(offset, offset + length))) return false
        offset += length
      } else {
        this.#body = new Uint8Array(length)
        this.#bodyLength = 0
      }
    }
    return true
  }

  #fillHeader(chunk: Uint8Array, offset: number): number {
    const count = Math.min(headerBytes - this.#headerLength, chunk.length - offset)
    this.#header.set(chunk.subarray(offset, offset + count), this.#headerLength)
    this.#headerLength += count
    return count
  }

  #fillBody(body: Uint8Array, chunk: Uint8Array, offset: number): number {
    const count = Math.min(body.length - this.#bodyLength, chunk.length - offset)
    body.set(chunk.subarray(offset, offset + count), this.#bodyLength)
    this.#bodyLength += count
    return count
  }
}
