/**
 * Makes this member's records: each with a dot that was never used before and a stamp that is greater than that
 * of every record it has seen.
 *
 * Invariant: the counter only grows, also past dots of an earlier life that come back from others after a disk
 * was lost.
 */
import { type MemberId, type Millis, numbersPerEpoch, type Stamp } from '../base/id.ts'
import type { Seal } from '../base/seal.ts'
import type { Value } from '../base/value.ts'
import { HybridClock } from './clock.ts'
import type { Dot, ReplicaRecord } from './record.ts'
import { signRecord } from './signature.ts'

export class Pen {
  readonly #author: MemberId
  readonly #seal: Seal
  readonly #clock = new HybridClock()
  #counter: number

  constructor(init: { self: MemberId; epoch: number; seal: Seal }) {
    this.#author = init.self
    this.#seal = init.seal
    this.#counter = init.epoch * numbersPerEpoch
  }

  write(key: string, body: Value, replaces: Dot | null, now: Millis): ReplicaRecord {
    this.#counter += 1
    const [author, counter, stamp] = [this.#author, this.#counter, this.stamp(now)]
    return signRecord({ author, counter, key, stamp, replaces, body }, this.#seal)
  }

  /** A record is believed that this member or another wrote. */
  observe(record: ReplicaRecord): void {
    this.#clock.observe(record.stamp)
    if (record.author === this.#author) this.#counter = Math.max(this.#counter, record.counter)
  }

  /** The time that another has seen. */
  adopt(other: Pen): void {
    this.#clock.observe(other.clock(0))
  }

  /** A fresh one. */
  stamp(now: Millis): Stamp {
    return this.#clock.tick(now)
  }

  clock(now: Millis): Stamp {
    return this.#clock.read(now)
  }
}
