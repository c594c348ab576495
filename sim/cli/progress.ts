/**
 * How far a run is: one line that is written over on a terminal, plain lines every few seconds elsewhere. The rest
 * is an estimate from the rate so far; boot and liveness end when the cluster is whole, so they are guessed.
 */

import { grouped, writtenDuration } from '../scenario/measure.ts'
import { durationUs } from '../scenario/quantity.ts'
import type { Run } from '../scenario.ts'

export interface Screen {
  readonly isTerminal: boolean
  readonly columns: number
  write(text: string): void
}

/** Ten times a second is smooth; a line every five seconds is enough for a log. */
const terminalEveryMs = 100
const plainEveryMs = 5000
const barCells = 24
const guessedBootUs = 8_000_000
const guessedRestUs = 10_000_000
/** The rate over the last moments counts, not that of the boot: a moving mean over some seconds. */
const meanOverMs = 5000

export class Progress {
  readonly #run: Run
  readonly #screen: Screen
  readonly #now: () => number
  #shownMs: number
  #lastMs: number
  #lastUs = 0
  #lastEvents = 0
  /** Simulated µs, and events, in a wall millisecond. */
  #rate = 0
  #eventRate = 0
  #isShown = false

  constructor(run: Run, screen: Screen, now: () => number) {
    this.#run = run
    this.#screen = screen
    this.#now = now
    this.#lastMs = now()
    this.#shownMs = this.#lastMs
  }

  /** After each step of the run. */
  stepped(): void {
    const now = this.#now()
    const everyMs = this.#screen.isTerminal ? terminalEveryMs : plainEveryMs
    if (now - this.#shownMs < everyMs) return
    this.#shownMs = now
    this.#measure(now)
    this.#show()
  }

  /** Leaves a clean line behind. */
  end(): void {
    if (this.#isShown && this.#screen.isTerminal) this.#screen.write('\r\u001b[K')
  }

  #measure(now: number): void {
    const { nowUs, events } = this.#run.simulator
    const passedMs = Math.max(1, now - this.#lastMs)
    const weight = this.#rate === 0 ? 1 : Math.min(1, passedMs / meanOverMs)
    this.#rate += weight * ((nowUs - this.#lastUs) / passedMs - this.#rate)
    this.#eventRate += weight * ((events - this.#lastEvents) / passedMs - this.#eventRate)
    this.#lastMs = now
    this.#lastUs = nowUs
    this.#lastEvents = events
  }

  #show(): void {
    const { nowUs } = this.#run.simulator
    const totalUs = Math.max(nowUs, this.#expectedUs())
    const share = totalUs === 0 ? 0 : nowUs / totalUs
    const left = this.#rate === 0 ? '' : `${spoken((totalUs - nowUs) / this.#rate)} left`
    const facts = [
      `${writtenDuration(nowUs)} of about ${writtenDuration(totalUs)}`,
      `${(this.#rate / 1000).toPrecision(2)}× real time`,
      left,
      `${grouped(this.#eventRate * 1000)} events/s`,
    ]
    const phase = this.#run.phase.padEnd(8)
    const text = `${phase} ${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  `
    const line = text + facts.filter(Boolean).join('  ')
    this.#isShown = true
    if (!this.#screen.isTerminal)
      this.#screen.write(`${phase} ${facts.filter(Boolean).join(', ')}\n`)
    else this.#screen.write(`\r${line.slice(0, this.#screen.columns - 1)}\u001b[K`)
  }

  #expectedUs(): number {
    const { scenario, bootUs, healedUs, phase, simulator } = this.#run
    if (phase === 'over') return simulator.nowUs
    const spreadUs = durationUs(scenario.durations.bootSpread)
    const safetyUs = durationUs(scenario.durations.safety)
    const bootEndUs = bootUs ?? Math.max(simulator.nowUs, spreadUs + guessedBootUs)
    return (healedUs ?? bootEndUs + safetyUs) + guessedRestUs
  }
}

function bar(share: number): string {
  const eighths = Math.floor(Math.min(1, share) * barCells * 8)
  const full = Math.floor(eighths / 8)
  const part = full < barCells ? ' ▏▎▍▌▋▊▉'[eighths % 8]! : ''
  return `▕${'█'.repeat(full)}${part.padEnd(1)}${' '.repeat(Math.max(0, barCells - full - 1))}▏`
}

/** `about 2 min`, as exactly as it can be known. */
function spoken(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  if (seconds < 90) return `about ${seconds} s`
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`
  return `about ${(seconds / 3600).toFixed(1)} h`
}
