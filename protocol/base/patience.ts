/**
 * How long an answer may take, learned from how long answers do take: the retransmission time-out of TCP
 * (Jacobson and Karels, SIGCOMM 1988, appendix A), in eighths of a millisecond. Late answers count too, which is
 * what makes it work: when a whole cluster is overloaded, everyone learns to wait before anyone is held for
 * dead. Without it, false deaths made work (links, tables, broadcasts) that kept fifty agents on two cores
 * overloaded for good.
 */

import type { Millis } from './id.ts'
import { clamp, mulDiv } from './integer.ts'

/** An answer that took longer teaches no more: the sender slept, or the clock jumped. */
const longestMs = 20_000

export class Patience {
  #smoothed = 0
  #deviation = 0

  observe(tookMs: Millis): void {
    const took = 8 * clamp(tookMs, 0, longestMs)
    const error = took - this.#smoothed
    this.#smoothed += Math.trunc(error / 8)
    this.#deviation += Math.trunc((Math.abs(error) - this.#deviation) / 4)
  }

  /** The wait, at least `leastMs`. */
  atLeast(leastMs: Millis): Millis {
    return Math.max(leastMs, mulDiv(this.#smoothed + 4 * this.#deviation, 1, 8))
  }
}
