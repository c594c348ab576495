/**
 * The way from each host to each that it is linked to, by their numbers: what a message of gossip needs to know of a
 * connection, without touching it. One table for all, so that it stays in the cache where ten thousand hosts' own
 * would not. Open addressing; who goes is filled up from behind (Knuth, TAOCP 6.4, algorithm R).
 */
import { mix32 } from '../protocol/base/hash.ts'

const none = -1
/** Of a key: hosts have numbers below. */
const hostsMax = 2 ** 24
const firstSize = 1024

export class WayIndex {
  #keys = new Float64Array(firstSize).fill(none)
  #ways = new Int32Array(firstSize)
  #count = 0

  /** -1 where there is none. */
  get(from: number, to: number): number {
    const at = this.#find(from * hostsMax + to)
    return this.#keys[at] === none ? none : this.#ways[at]!
  }

  set(from: number, to: number, way: number): void {
    const key = from * hostsMax + to
    const at = this.#find(key)
    this.#ways[at] = way
    if (this.#keys[at] === key) return
    this.#keys[at] = key
    this.#count++
    if (2 * this.#count > this.#keys.length) this.#grow()
  }

  delete(from: number, to: number): void {
    let hole = this.#find(from * hostsMax + to)
    if (this.#keys[hole] === none) return
    this.#count--
    const mask = this.#keys.length - 1
    for (let at = (hole + 1) & mask; this.#keys[at] !== none; at = (at + 1) & mask) {
      const home = this.#homeOf(this.#keys[at]!)
      // It may move up if the hole is not before its home.
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#keys[hole] = this.#keys[at]!
      this.#ways[hole] = this.#ways[at]!
      hole = at
    }
    this.#keys[hole] = none
  }

  /** Where the key is, or would be. */
  #find(key: number): number {
    const keys = this.#keys
    const mask = keys.length - 1
    let at = this.#homeOf(key)
    while (keys[at] !== none && keys[at] !== key) at = (at + 1) & mask
    return at
  }

  #homeOf(key: number): number {
    const from = Math.floor(key / hostsMax)
    return mix32(Math.imul(from, 0x9e3779b1) ^ (key - from * hostsMax)) & (this.#keys.length - 1)
  }

  #grow(): void {
    const keys = this.#keys
    const ways = this.#ways
    this.#keys = new Float64Array(2 * keys.length).fill(none)
    this.#ways = new Int32Array(2 * keys.length)
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === none) continue
      const at = this.#find(keys[i]!)
      this.#keys[at] = keys[i]!
      this.#ways[at] = ways[i]!
    }
  }
}
