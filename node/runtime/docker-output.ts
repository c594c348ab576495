/**
 * The engine sends both streams of a container through one connection, in frames: a byte for the stream (1 or
 * 2), three of zero, the length in four bytes with the highest first, and the payload.
 */

const headerBytes = 8

export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0)

  /** The payloads that are complete by now. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const payloads: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= headerBytes) {
      const end = at + headerBytes + view.getUint32(at + 4)
      if (end > bytes.length) break
      payloads.push(bytes.subarray(at + headerBytes, end))
      at = end
    }
    this.#rest = bytes.subarray(at)
    return payloads
  }
}

export async function* payloads(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new FrameReader()
  for await (const chunk of stream) yield* frames.push(chunk)
}
