/**
 * Records a simulated member's lives, as node/recorder.ts does an agent's. A life that began with what another core
 * knew (`start: warm`) has no journal to begin with, so its record is read and not run again.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Millis } from '../protocol/base/id.ts'
import type { CoreInit } from '../protocol/core.ts'
import type { Effect } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import {
  encodeSafely,
  type Frame,
  framesOfStart,
  type SealNotes,
  type StepFrame,
  stepFrame,
  watchedSeal,
} from '../protocol/flight-record.ts'
import { limits } from '../protocol/limits.ts'

interface Step {
  readonly now: Millis
  readonly event: Event
  readonly notes: SealNotes
}

export class FlightRecorder {
  readonly file: string
  readonly #descriptor: number
  #bytesLeft: number = limits.recordFileBytes
  #current: Step | undefined

  constructor(file: string) {
    this.file = file
    this.#descriptor = openSync(file, 'w')
  }

  /** The init with a seal that is watched. */
  begin(init: CoreInit): CoreInit {
    const { config, self, seed, node, seal, journal, like } = init
    this.#endStep(null)
    const writes = like === undefined ? [...journal] : undefined
    for (const frame of framesOfStart({ config, self, seed, node }, writes)) this.#write(frame)
    return { ...init, seal: watchedSeal(seal, () => this.#current?.notes) }
  }

  onEvent(event: Event, now: Millis): void {
    this.#current = { event, now, notes: { signatures: [], forged: [] } }
  }

  onStepped(effects: readonly Effect[]): void {
    this.#endStep(effects)
  }

  /** A step that has begun and did not end is the last. */
  close(): void {
    this.#endStep(null)
    closeSync(this.#descriptor)
  }

  #endStep(effects: StepFrame['effects']): void {
    if (this.#current !== undefined) this.#write(stepFrame(this.#current, effects))
    this.#current = undefined
  }

  #write(frame: Frame): void {
    if (this.#bytesLeft <= 0) return
    const bytes = encodeSafely(frame)
    this.#bytesLeft -= bytes.length
    writeSync(this.#descriptor, bytes)
    if (this.#bytesLeft <= 0) writeSync(this.#descriptor, encodeSafely({ type: 'full' }))
  }
}
