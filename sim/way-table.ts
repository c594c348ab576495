/**
 * The numbers of all connections that change with each message, beside each other: what a calm exchange
 * (calm-traffic.ts) needs of a connection is one line of memory. A connection's ways have the numbers 2n and 2n + 1.
 */
import { grown } from '../protocol/base/typed.ts'

const words = 4
const usedUs = 2
const isWhole = 3

export class WayTable {
  /** Of each connection: when the last message of either way arrives, when it was used, whether it is whole. */
  #words = new Float64Array(words * 64)
  #connections = 0

  /** The number of a new connection. */
  add(nowUs: number): number {
    const number = this.#connections++
    if (this.#connections * words > this.#words.length)
      this.#words = grown(this.#words, 2 * this.#words.length)
    this.#words[number * words + usedUs] = nowUs
    return number
  }

  /** Of one that has been there for long. */
  addWhole(nowUs: number): number {
    const number = this.add(nowUs)
    this.setWhole(number, true)
    return number
  }

  isWhole(way: number): boolean {
    return this.#words[(way >> 1) * words + isWhole] === 1
  }

  setWhole(connection: number, whole: boolean): void {
    this.#words[connection * words + isWhole] = whole ? 1 : 0
  }

  usedUs(connection: number): number {
    return this.#words[connection * words + usedUs]!
  }

  use(way: number, nowUs: number): void {
    this.#words[(way >> 1) * words + usedUs] = nowUs
  }

  /** What is sent later does not arrive before this. */
  lastArrivalUs(way: number): number {
    return this.#words[(way >> 1) * words + (way & 1)]!
  }

  /** Something would arrive then: the time at which it does, in order. */
  arrive(way: number, atUs: number): number {
    const at = (way >> 1) * words + (way & 1)
    const inOrderUs = Math.max(atUs, this.#words[at]!)
    this.#words[at] = inOrderUs
    return inOrderUs
  }
}
