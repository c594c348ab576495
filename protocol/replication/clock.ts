/**
 * Hybrid logical clock (Kulkarni, Demirbas et al., OPODIS 2014) in one safe integer: milliseconds × 4096
 * plus a logical count, which simply runs over into the milliseconds. A stamp is close to real time, yet
 * greater than that of every write that its author had seen.
 *
 * Invariant: stamps of one member only grow, also when its wall clock jumps back. What others say is
 * believed only up to `maxClockDriftMs` ahead of our own clock, or one bad clock would win for ever.
 */
import { type Millis, type Stamp, stampsPerMs } from '../base/id.ts'

export function stampAt(now: Millis): Stamp {
  return now * stampsPerMs
}

export function isTooFarAhead(stamp: Stamp, now: Millis, maxClockDriftMs: Millis): boolean {
  return stamp > stampAt(now + maxClockDriftMs)
}

export class HybridClock {
  #last: Stamp = 0

  /** A stamp for a new write. */
  tick(now: Millis): Stamp {
    this.#last = Math.max(this.#last + 1, stampAt(now))
    return this.#last
  }

  /** A stamp was seen that is not too far ahead. */
  observe(stamp: Stamp): void {
    this.#last = Math.max(this.#last, stamp)
  }

  read(now: Millis): Stamp {
    return Math.max(this.#last, stampAt(now))
  }
}
