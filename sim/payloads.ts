/** What events carry, under the numbers that the queue holds; numbers are used again. */
import { invariant } from '../protocol/base/invariant.ts'

export class Payloads<T> {
  readonly #held: (T | undefined)[] = []
  readonly #free: number[] = []

  add(payload: T): number {
    const number = this.#free.pop()
    if (number === undefined) return this.#held.push(payload) - 1
    this.#held[number] = payload
    return number
  }

  /** The number is free from now on. */
  take(number: number): T {
    const payload = this.#held[number]
    invariant(payload !== undefined, 'a payload is taken once')
    this.#held[number] = undefined
    this.#free.push(number)
    return payload
  }
}
