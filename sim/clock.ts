/**
 * One machine's clocks, and the agent's reading of them. The machine has a steady clock, which only drifts, and a
 * wall clock, which drifts alike, is off, and may be set: it jumps. What the core sees is made of both by the
 * rule of node/clock.ts, mirrored here in integers: it follows a wall clock that is ahead at once, and runs one
 * tenth slower while it is ahead of the wall clock, so that it never goes back. Timers run on the steady clock.
 *
 * Not modelled: a drift that changes with the temperature, the slewing of NTP, a steady clock that stands still
 * while the machine sleeps.
 */
import { invariant } from '../protocol/base/invariant.ts'

export interface ClockInit {
  /** Unix time of the simulation's start. */
  readonly epochMs: number
  /** How far the wall clock is off. */
  readonly offsetUs: number
  /** Microseconds gained in a second. */
  readonly driftPpm: number
}

/** As in node/clock.ts: within a millisecond two readings differ by rounding only. */
const roundingUs = 1000
/** The longest and the shortest timer of the platform. */
const timerMaxMs = 2 ** 31 - 1
const timerMinMs = 1

/** What the platform makes of a delay. */
export function timerMs(delayMs: number): number {
  return Math.min(timerMaxMs, Math.max(timerMinMs, delayMs))
}

export class HostClock {
  readonly counts = { jumps: 0, slowedReadings: 0 }
  readonly #epochMs: number
  readonly #driftPpm: number
  #offsetUs: number
  /** Of the last reading: steady time, and what was read. Tenths of µs, else slow time would lose its rest. */
  #steadyUs = 0
  #currentTenths: number
  /** Set back, and not yet caught up with. Otherwise what is read is the wall clock. */
  #isAhead = false

  constructor({ epochMs, offsetUs, driftPpm }: ClockInit) {
    invariant(Number.isInteger(offsetUs) && Number.isInteger(driftPpm), 'clocks are integers')
    this.#epochMs = epochMs
    this.#offsetUs = offsetUs
    this.#driftPpm = driftPpm
    this.#currentTenths = 10 * offsetUs
  }

  /** What the agent reads: Unix milliseconds that never go back. */
  nowMs(trueUs: number): number {
    const steady = this.#steady(trueUs)
    const wall = steady + this.#offsetUs
    if (!this.#isAhead) return this.#epochMs + Math.floor(wall / 1000)
    this.#read(steady, wall)
    return this.#epochMs + Math.floor(this.#currentTenths / 10_000)
  }

  /** How far it is off, while that is all there is to it: it neither drifts nor is ahead of itself. */
  get steadyOffsetUs(): number | undefined {
    return this.#driftPpm === 0 && !this.#isAhead ? this.#offsetUs : undefined
  }

  /** True microseconds at which a timer that is set now for `deadlineMs` fires; it may be early by the agent's clock. */
  timerAtUs(deadlineMs: number, trueUs: number): number {
    const delayMs = timerMs(deadlineMs - this.nowMs(trueUs))
    if (this.#driftPpm === 0) return trueUs + delayMs * 1000
    return trueUs + Math.ceil((delayMs * 1_000_000_000) / (1_000_000 + this.#driftPpm))
  }

  /** Somebody, or NTP, sets the wall clock: forward, or back with a negative number. */
  jump(byUs: number, trueUs: number): void {
    invariant(Number.isInteger(byUs), 'clocks are integers')
    const steady = this.#steady(trueUs)
    if (this.#isAhead) this.#read(steady, steady + this.#offsetUs)
    else this.#currentTenths = 10 * (steady + this.#offsetUs)
    this.#steadyUs = steady
    this.#offsetUs += byUs
    this.#isAhead = this.#currentTenths > 10 * (steady + this.#offsetUs)
    this.counts.jumps++
  }

  #steady(trueUs: number): number {
    if (this.#driftPpm === 0) return trueUs
    return trueUs + Math.floor((trueUs * this.#driftPpm) / 1_000_000)
  }

  #read(steady: number, wall: number): void {
    const passed = steady - this.#steadyUs
    this.#steadyUs = steady
    const isAhead = this.#currentTenths + 10 * passed > 10 * (wall + roundingUs)
    if (isAhead) this.counts.slowedReadings++
    this.#currentTenths = Math.max(10 * wall, this.#currentTenths + (isAhead ? 9 : 10) * passed)
    if (this.#currentTenths === 10 * wall) this.#isAhead = false
  }
}
