/**
 * How much is being broadcast in the cluster, and so how long to gather before the next batch. Everyone hears every
 * broadcast, some four times, and one costs every member milliseconds whatever it carries: a hundred starts on
 * fifty members of one machine, each told at once, kept it busy for minutes. So the more others say, the more each
 * puts into one batch. The rejected alternative, a fixed interval that is long enough for storms, is too long
 * for everything else.
 */
import type { Millis } from '../base/id.ts'
import { clamp, mulDiv } from '../base/integer.ts'

const windowMs = 1000
/** What costs a member nothing to speak of. */
const calmPerWindow = 5
/** A steward holds a slot for an accepted allocation, whose record it has not seen, for 5 s. */
const longestMs = 2000

export class Traffic {
  #startedAt: Millis = 0
  #count = 0
  #before = 0

  note(now: Millis): void {
    this.#turn(now)
    this.#count += 1
  }

  /** `intervalMs` while it is calm, as many times as long as there is more to hear. */
  stretch(intervalMs: Millis, now: Millis): Millis {
    this.#turn(now)
    const heard = Math.max(this.#count, this.#before)
    return clamp(mulDiv(intervalMs, heard, calmPerWindow), intervalMs, longestMs)
  }

  #turn(now: Millis): void {
    const windows = Math.floor((now - this.#startedAt) / windowMs)
    if (windows === 0) return
    this.#before = windows === 1 ? this.#count : 0
    this.#count = 0
    this.#startedAt += windows * windowMs
  }
}
