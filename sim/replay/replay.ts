/**
 * Runs a flight record again: the same init and the same events at the same times have to give the same effects, byte
 * for byte. It stops at the first step that does not.
 */
import type { Seal } from '../../protocol/base/seal.ts'
import type { Value } from '../../protocol/base/value.ts'
import { type Core, createCore } from '../../protocol/core.ts'
import type { Effect, StoreWrite } from '../../protocol/effect.ts'
import {
  canonicalForm,
  type Frame,
  type InitFrame,
  type StepFrame,
  sealName,
} from '../../protocol/flight-record.ts'
import { type Difference, firstDifference } from './difference.ts'

export interface Replay {
  readonly self: string
  readonly name: string
  /** Up to the one that ended it. */
  readonly steps: number
  /** Of those: of lives that begin in the middle, which cannot be run; and whose effects could be compared. */
  readonly skipped: number
  readonly compared: number
  readonly fromMs: number
  readonly untilMs: number
  readonly lives: number
  readonly outcome: Outcome
}

export type Outcome =
  | { readonly type: 'same' }
  /** All lives begin in the middle: the steps were counted and not run. */
  | { readonly type: 'headless' }
  | { readonly type: 'different'; readonly step: DifferentStep }
  /** The core itself threw; `isKnown`: as it did then, in the last step of the record. */
  | { readonly type: 'broke'; readonly step: StepFrame; readonly error: string; isKnown: boolean }

export interface DifferentStep {
  readonly frame: StepFrame
  readonly expected: readonly Value[]
  readonly actual: readonly Value[]
  readonly first: Difference
}

export function replay(frames: Iterable<Frame>): Replay {
  const player = new Player()
  for (const frame of frames) if (!player.play(frame)) break
  return player.result()
}

class Player {
  #init: InitFrame | undefined
  #journal: StoreWrite[] = []
  #core: Core | undefined
  readonly #seal = new RecordedSeal()
  #isHeadless = false
  #steps = 0
  #skipped = 0
  #compared = 0
  #lives = 0
  #fromMs: number | undefined
  #untilMs = 0
  #outcome: Outcome = { type: 'same' }
  /** A step that broke, and none after it yet. */
  #broken: Extract<Outcome, { type: 'broke' }> | undefined

  /** False when there is no point in going on. */
  play(frame: Frame): boolean {
    if (this.#broken !== undefined) return this.#goOn()
    if (frame.type === 'init') this.#begin(frame)
    if (frame.type === 'journal') this.#journal.push(...frame.writes)
    return frame.type === 'step' ? this.#step(frame) : true
  }

  result(): Replay {
    const { self = '', node } = this.#init ?? {}
    return {
      self,
      name: node?.name ?? self,
      steps: this.#steps,
      skipped: this.#skipped,
      compared: this.#compared,
      fromMs: this.#fromMs ?? 0,
      untilMs: this.#untilMs,
      lives: this.#lives,
      outcome: this.#outcomeOfAll(),
    }
  }

  #outcomeOfAll(): Outcome {
    if (this.#broken !== undefined) return this.#broken
    const isUnplayed = this.#isHeadless && this.#skipped === this.#steps
    return isUnplayed ? { type: 'headless' } : this.#outcome
  }

  #begin(init: InitFrame): void {
    this.#init = init
    this.#journal = []
    this.#core = undefined
    this.#lives++
    this.#isHeadless = !init.complete
  }

  #step(frame: StepFrame): boolean {
    this.#steps++
    this.#fromMs ??= frame.now
    this.#untilMs = frame.now
    if (this.#isHeadless) {
      this.#skipped++
      return true
    }
    this.#seal.load(frame)
    let effects: readonly Effect[]
    try {
      this.#core ??= this.#createCore()
      effects = this.#core.step(frame.event, frame.now)
    } catch (error) {
      const isKnown = frame.effects === null
      this.#broken = { type: 'broke', step: frame, error: textOf(error), isKnown }
      return true
    }
    return frame.effects === null || this.#compare(frame, frame.effects, effects)
  }

  #createCore(): Core {
    const { config, self, seed, node, news } = this.#init!
    const init = { config, self, seed, node, seal: this.#seal, journal: this.#journal }
    return createCore({ ...init, ...(news && { news }) })
  }

  #compare(frame: StepFrame, then: readonly Effect[], now: readonly Effect[]): boolean {
    this.#compared++
    const expected = then.map(canonicalForm)
    const actual = now.map(canonicalForm)
    const first = firstDifference(expected, actual) ?? this.#seal.difference()
    if (first === undefined) return true
    this.#outcome = { type: 'different', step: { frame, expected, actual, first } }
    return false
  }

  /** Then the core went on. */
  #goOn(): boolean {
    this.#broken = { ...this.#broken!, isKnown: false }
    return false
  }
}

/** Has no key: hands out what was signed then, and finds wrong what was found wrong then. */
class RecordedSeal implements Seal {
  #signatures: readonly Uint8Array[] = []
  #used = 0
  #forged: readonly string[] = []

  load({ signatures, forged = [] }: StepFrame): void {
    this.#signatures = signatures
    this.#used = 0
    this.#forged = forged
  }

  sign(): Uint8Array {
    const signature = this.#signatures[this.#used] ?? new Uint8Array(64)
    this.#used++
    return signature
  }

  verify(author: string, bytes: Uint8Array, signature: Uint8Array): boolean {
    return this.#forged.length === 0 || !this.#forged.includes(sealName(author, bytes, signature))
  }

  difference(): Difference | undefined {
    const { length } = this.#signatures
    if (this.#used === length) return undefined
    return { path: 'signatures made', expected: length, actual: this.#used }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
