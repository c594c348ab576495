/**
 * One machine's disk: a write is durable after a delay, all of it or nothing; a crash loses what was not
 * durable yet, and a destroyed machine loses everything. Not modelled: torn writes and rotten bits, which
 * the real store detects by checksums, and bandwidth.
 */
import { compareText } from '../protocol/base/id.ts'
import type { Random } from '../protocol/base/random.ts'
import type { StoreWrite } from '../protocol/effect.ts'

export class Disk {
  #durable = new Map<string, StoreWrite['value']>()
  readonly #random: Random
  isFull = false

  constructor(random: Random) {
    this.#random = random
  }

  /** Microseconds of one fsync: mostly 1–3 ms, one in fifty up to 40 ms. */
  delayUs(): number {
    const usual = 1000 + this.#random.below(2000)
    return this.#random.chance(1, 50) ? usual + this.#random.below(40_000) : usual
  }

  commit(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === null) this.#durable.delete(key)
      else this.#durable.set(key, value)
    }
  }

  journal(): StoreWrite[] {
    return [...this.#durable]
      .map(([key, value]) => ({ key, value }))
      .sort((a, b) => compareText(a.key, b.key))
  }

  destroy(): void {
    this.#durable.clear()
  }
}
