/**
 * The core's clock: Unix milliseconds that never go back. It runs on the monotonic clock. When the system's
 * clock is ahead (it was set, or the machine slept), it follows at once; when the system's clock is behind, it
 * runs one tenth slower until that has caught up. To stand still instead would stop every probe and time-out
 * for as long as the clock was set back.
 */
import type { Millis } from '../protocol/base/id.ts'

export interface TimeSource {
  /** Unix time, which may jump. */
  wallMs(): number
  /** Since anything, but steady. */
  steadyMs(): number
}

const system: TimeSource = { wallMs: () => Date.now(), steadyMs: () => performance.now() }
const slowed = 0.9

export class Clock {
  readonly #source: TimeSource
  #current: number
  #steady: number

  constructor(source: TimeSource = system) {
    this.#source = source
    this.#current = source.wallMs()
    this.#steady = source.steadyMs()
  }

  now(): Millis {
    const steady = this.#source.steadyMs()
    const wall = this.#source.wallMs()
    const passed = Math.max(0, steady - this.#steady)
    this.#steady = steady
    // Within a millisecond the two differ by rounding only.
    const isAhead = this.#current + passed > wall + 1
    this.#current = Math.max(wall, this.#current + (isAhead ? passed * slowed : passed))
    return Math.floor(this.#current)
  }
}
