/**
 * The flight recorder. The last steps are always kept in memory, bounded in number and size, and written to the
 * data folder when a bug ends the agent. With `--record FILE` everything goes to a file from the start, up to a
 * bound, with the effects of each step: `starling replay FILE` runs it again.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Millis } from '../protocol/base/id.ts'
import type { Seal } from '../protocol/base/seal.ts'
import type { Effect, StoreWrite } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import {
  encodeSafely,
  type Frame,
  framesOfStart,
  type InitFrame,
  type SealNotes,
  stepFrame,
  watchedSeal,
} from '../protocol/flight-record.ts'
import { limits } from '../protocol/limits.ts'
import { Fifo } from './fifo.ts'

interface Recorded {
  readonly now: Millis
  readonly event: Event
  readonly bytes: number
  readonly notes: SealNotes
}

type Life = Omit<InitFrame, 'type' | 'version' | 'complete'>

/** An event of our own; those of others are taken at their size on the wire. */
const ownEventBytes = 256

export interface RecorderOptions {
  /** @default limits.recordFileBytes */
  readonly fileBytesMax?: number
}

export class Recorder {
  readonly #steps = new Fifo<Recorded>()
  readonly #fileBytesMax: number
  #stepsBytes = 0
  #current: Recorded | undefined
  #life: Life | undefined
  /** What the life began with; undefined once its first steps are forgotten. */
  #journal: readonly StoreWrite[] | undefined
  #file: RecordFile | undefined

  constructor({ fileBytesMax = limits.recordFileBytes }: RecorderOptions = {}) {
    this.#fileBytesMax = fileBytesMax
  }

  /** A replay has no key: what is signed is noted with the step. */
  watch(seal: Seal): Seal {
    return watchedSeal(seal, () => this.#current?.notes)
  }

  begin(life: Life, journal: readonly StoreWrite[], file?: string): void {
    this.#life = life
    this.#journal = journal.length <= limits.recordedJournal ? journal : undefined
    if (file === undefined) return
    this.#file = new RecordFile(file, this.#fileBytesMax)
    for (const frame of framesOfStart(life, journal)) this.#file.write(frame, 0)
  }

  /** Before the step, so that the event that breaks it is there. */
  onEvent(event: Event, now: Millis, bytes: number): void {
    const notes = { signatures: [], forged: [] }
    this.#current = { now, event, bytes: bytes || ownEventBytes, notes }
    this.#steps.push(this.#current)
    this.#stepsBytes += this.#current.bytes
    while (this.#steps.length > limits.recordedSteps || this.#stepsBytes > limits.recordedBytes) {
      this.#stepsBytes -= this.#steps.shift()!.bytes
      this.#journal = undefined
    }
  }

  onStepped(effects: readonly Effect[]): void {
    this.#write(effects)
  }

  /** Writes the last steps to a new file. Synchronous: the process may be about to end. */
  dump(file: string): void {
    mkdirSync(dirname(file), { recursive: true })
    const start = this.#life === undefined ? [] : framesOfStart(this.#life, this.#journal)
    const steps = [...this.#steps].map((step) => stepFrame(step, null))
    const frames = [...start, ...steps].map(encodeSafely)
    writeFileSync(file, Buffer.concat(frames), { mode: 0o600 })
  }

  /** A step that has begun and did not end is the last. */
  close(): void {
    this.#write(null)
    this.#file?.close()
    this.#file = undefined
  }

  #write(effects: readonly Effect[] | null): void {
    const current = this.#current
    this.#current = undefined
    if (current !== undefined) this.#file?.write(stepFrame(current, effects), current.now)
  }
}

const bufferBytes = 64 * 1024
/** Of the agent's time: what is written by then survives a `kill -9`. */
const bufferMs = 1000

class RecordFile {
  readonly #descriptor: number
  #chunks: Uint8Array[] = []
  #bytes = 0
  #flushedAt: Millis = 0
  #bytesLeft: number

  constructor(file: string, bytesMax: number) {
    mkdirSync(dirname(file), { recursive: true })
    this.#descriptor = openSync(file, 'w', 0o600)
    this.#bytesLeft = bytesMax
  }

  write(frame: Frame, now: Millis): void {
    if (this.#bytesLeft <= 0) return
    this.#push(encodeSafely(frame))
    if (this.#bytesLeft <= 0) this.#push(encodeSafely({ type: 'full' }))
    const isDue = now - this.#flushedAt >= bufferMs || this.#bytesLeft <= 0
    if (this.#bytes < bufferBytes && !isDue) return
    this.#flush()
    this.#flushedAt = now
  }

  close(): void {
    this.#flush()
    closeSync(this.#descriptor)
  }

  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
    this.#bytesLeft -= bytes.length
  }

  #flush(): void {
    if (this.#bytes > 0) writeSync(this.#descriptor, Buffer.concat(this.#chunks))
    this.#chunks = []
    this.#bytes = 0
  }
}
