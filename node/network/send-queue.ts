/** What waits to be sent to one member: first in, first out, bounded in number and in bytes. */
import { limits } from '../../protocol/limits.ts'

/** One write: above this a larger one is no cheaper per byte, and other streams would wait for it. */
const batchBytes = 64 * 1024

export class SendQueue {
  #messages: Uint8Array[] = []
  #bytes = 0

  get length(): number {
    return this.#messages.length
  }

  /** False when it is full: the newest is dropped, since what waits is older and may be depended on. */
  push(message: Uint8Array): boolean {
    if (this.#messages.length >= limits.sendQueueMessages) return false
    if (this.#bytes + message.length > limits.sendQueueBytes) return false
    this.#messages.push(message)
    this.#bytes += message.length
    return true
  }

  /** The next write's worth: at least one message when there is any. */
  takeBatch(): Uint8Array[] {
    let count = 0
    let bytes = 0
    while (count < this.#messages.length) {
      bytes += this.#messages[count]!.length
      if (count > 0 && bytes > batchBytes) break
      count++
    }
    const batch = this.#messages.splice(0, count)
    for (const message of batch) this.#bytes -= message.length
    return batch
  }

  /** Empties it; how many there were. */
  clear(): number {
    const count = this.#messages.length
    this.#messages = []
    this.#bytes = 0
    return count
  }
}
