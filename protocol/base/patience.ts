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
  smoothed = 0
  deviation = 0

  observe(tookMs: Millis): void {
    const { smoothed, deviation } = this
    this.smoothed = smoothedAfter(smoothed, tookMs)
    this.deviation = deviationAfter(smoothed, deviation, tookMs)
  }

  /** The wait, at least `leastMs`. */
  atLeast(leastMs: Millis): Millis {
    return Math.max(leastMs, patienceMs(this.smoothed, this.deviation))
  }
}

export function smoothedAfter(smoothed: number, tookMs: Millis): number {
  return smoothed + Math.trunc((eighths(tookMs) - smoothed) / 8)
}

export function deviationAfter(smoothed: number, deviation: number, tookMs: Millis): number {
  const error = Math.abs(eighths(tookMs) - smoothed)
  return deviation + Math.trunc((error - deviation) / 4)
}

export function patienceMs(smoothed: number, deviation: number): Millis {
  return mulDiv(smoothed + 4 * deviation, 1, 8)
}

function eighths(tookMs: Millis): number {
  return 8 * clamp(tookMs, 0, longestMs)
}
