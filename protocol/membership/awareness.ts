/**
 * How far a member trusts its own senses (Lifeguard, section IV.A): it waits longer for others when its own
 * event loop is late or when nobody answers it, since then the fault is likely its own.
 */
import { clamp } from '../base/integer.ts'

const most = 8

export class Awareness {
  #score = 0

  /** Time-outs are multiplied by this: 1 when all is well. */
  get multiplier(): number {
    return 1 + this.#score
  }

  change(by: number): void {
    this.#score = clamp(this.#score + by, 0, most)
  }

  /** A timer was late: one step for each 250 ms, three at most. */
  late(delayMs: number): void {
    this.change(clamp(Math.floor(delayMs / 250), 0, 3))
  }
}
