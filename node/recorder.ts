/**
 * The flight recorder. The last steps are always kept in memory, bounded in number and size, and written to the
 * data folder when a bug ends the agent. With `--record FILE` everything goes to a file from the start.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Millis } from '../protocol/base/id.ts'
import type { Seal } from '../protocol/base/seal.ts'
import type { StoreWrite } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import {
  encodeFrame,
  type Frame,
  type InitFrame,
  type StepFrame,
} from '../protocol/flight-record.ts'
import { limits } from '../protocol/limits.ts'
import { Fifo } from './fifo.ts'

interface Recorded extends StepFrame {
  readonly signatures: Uint8Array[]
  readonly bytes: number
}

/** An event of our own; those of others are taken at their size on the wire. */
const ownEventBytes = 256
const bufferBytes = 64 * 1024

export class Recorder {
  readonly #steps = new Fifo<Recorded>()
  #stepsBytes = 0
  #current: Recorded | undefined
  #init: Omit<InitFrame, 'complete'> | undefined
  #file: RecordFile | undefined

  /** Sees what the core signs: a replay has no key. */
  watch(seal: Seal): Seal {
    return {
      sign: (bytes) => {
        const signature = seal.sign(bytes)
        this.#current?.signatures.push(signature)
        return signature
      },
      verify: (author, bytes, signature) => seal.verify(author, bytes, signature),
    }
  }

  begin(init: Omit<InitFrame, 'complete'>, journal: readonly StoreWrite[], file?: string): void {
    this.#init = init
    if (file === undefined) return
    this.#file = new RecordFile(file)
    this.#file.write({ ...init, complete: true })
    for (let i = 0; i < journal.length; i += limits.journalEntriesPerFrame)
      this.#file.write({
        type: 'journal',
        writes: journal.slice(i, i + limits.journalEntriesPerFrame),
      })
  }

  /** Before the step, so that the event that breaks it is there. */
  onEvent(event: Event, now: Millis, bytes: number): void {
    this.#current = { type: 'step', now, event, signatures: [], bytes: bytes || ownEventBytes }
    this.#steps.push(this.#current)
    this.#stepsBytes += this.#current.bytes
    while (this.#steps.length > limits.recordedSteps || this.#stepsBytes > limits.recordedBytes)
      this.#stepsBytes -= this.#steps.shift()!.bytes
  }

  onStepped(): void {
    if (this.#file !== undefined && this.#current !== undefined)
      this.#file.write(frameOf(this.#current))
    this.#current = undefined
  }

  /** Writes the last steps to a new file. Synchronous: the process may be about to end. */
  dump(file: string): void {
    mkdirSync(dirname(file), { recursive: true })
    const init: Frame[] = this.#init ? [{ ...this.#init, complete: false }] : []
    const frames = [...init, ...[...this.#steps].map(frameOf)]
    writeFileSync(file, Buffer.concat(frames.map(encodeSafely)), { mode: 0o600 })
  }

  close(): void {
    this.onStepped()
    this.#file?.close()
    this.#file = undefined
  }
}

class RecordFile {
  readonly #descriptor: number
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true })
    this.#descriptor = openSync(file, 'w', 0o600)
  }

  write(frame: Frame): void {
    const bytes = encodeSafely(frame)
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= bufferBytes) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#descriptor)
  }

  #flush(): void {
    writeSync(this.#descriptor, Buffer.concat(this.#chunks))
    this.#chunks = []
    this.#bytes = 0
  }
}

function frameOf({ now, event, signatures }: Recorded): StepFrame {
  return { type: 'step', now, event, signatures }
}

/** A client may have submitted what has no canonical form; the record then says at least that. */
function encodeSafely(frame: Frame): Uint8Array {
  try {
    return encodeFrame(frame)
  } catch {
    const event = JSON.parse(JSON.stringify((frame as StepFrame).event ?? null)) as Event
    return encodeFrame({ ...(frame as StepFrame), event })
  }
}
