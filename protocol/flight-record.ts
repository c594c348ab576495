/**
 * A flight record: the init of a core, then every step with its effects, so that an incident can be run again and
 * what comes of it held against what came of it then. Frames of canonical bytes, each after its length in four bytes.
 *
 * The private key is not in it: each step carries the signatures that were made in it, and those that it found to be
 * wrong. A record that was kept in memory for a crash has no effects, and begins in the middle once its agent has
 * lived for a while: it has the last steps then, and no journal to start from.
 */
import { decodeCanonical, encodeCanonical, hexOf } from './base/bytes.ts'
import { hashText, hex32 } from './base/hash.ts'
import type { MemberId, Millis } from './base/id.ts'
import {
  anything,
  boolean,
  bytes,
  check,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
  type Schema,
  text,
  union,
} from './base/schema.ts'
import type { Seal } from './base/seal.ts'
import type { Value } from './base/value.ts'
import type { Config } from './config.ts'
import type { Effect, StoreWrite } from './effect.ts'
import type { Event } from './event.ts'
import { limits } from './limits.ts'
import type { NodeBody } from './placement/node-body.ts'

/** Raised when a reader of the older one would misread it. */
export const recordVersion = 2

/** A life begins: a restart has another one in the same record. */
export interface InitFrame {
  readonly type: 'init'
  readonly version: number
  readonly config: Config
  readonly self: MemberId
  readonly seed: number
  readonly node: NodeBody
  readonly news?: 'all'
  /** False where the journal and the first steps are missing. */
  readonly complete: boolean
}

/** A part of the journal that the core was made from. */
export interface JournalFrame {
  readonly type: 'journal'
  readonly writes: readonly StoreWrite[]
}

export interface StepFrame {
  readonly type: 'step'
  readonly now: Millis
  readonly event: Event
  /** Made during the step, in order. */
  readonly signatures: readonly Uint8Array[]
  /** Names (`sealName`) of signatures that were not their author's. */
  readonly forged?: readonly string[]
  /** null where they were not kept, or the step did not come to its end. */
  readonly effects: readonly Effect[] | null
}

/** The record was as large as it may be. */
export interface FullFrame {
  readonly type: 'full'
}

export type Frame = InitFrame | JournalFrame | StepFrame | FullFrame

/** What a signature is of, short. */
export function sealName(author: MemberId, signed: Uint8Array, signature: Uint8Array): string {
  const parts = [author, hexOf(signed), hexOf(signature)]
  return parts.map((part) => hex32(hashText(part))).join('')
}

/** What a core signs in a step, and which signatures it finds wrong. */
export interface SealNotes {
  readonly signatures: Uint8Array[]
  readonly forged: string[]
}

/** The seal, with notes for the step that is under way. */
export function watchedSeal(seal: Seal, notes: () => SealNotes | undefined): Seal {
  return {
    sign: (signed) => {
      const signature = seal.sign(signed)
      notes()?.signatures.push(signature)
      return signature
    },
    verify: (author, signed, signature) => {
      const isGenuine = seal.verify(author, signed, signature)
      if (!isGenuine) notes()?.forged.push(sealName(author, signed, signature))
      return isGenuine
    },
  }
}

const lengthBytes = 4

export function encodeFrame(frame: Frame): Uint8Array {
  const body = encodeCanonical(frame as unknown as Value)
  const bytes = new Uint8Array(lengthBytes + body.length)
  new DataView(bytes.buffer).setUint32(0, body.length)
  bytes.set(body, lengthBytes)
  return bytes
}

/** Effects leave fields undefined; a client may have submitted what has no canonical form at all. */
export function encodeSafely(frame: Frame): Uint8Array {
  const plain = canonicalForm(frame) as unknown as Frame
  const bytes = encodeFrame(plain)
  if (bytes.length <= limits.frameBytes || plain.type !== 'step') return bytes
  return encodeFrame({ ...plain, effects: null })
}

/** How a life begins; without a journal it begins in the middle. */
export function framesOfStart(
  life: Omit<InitFrame, 'type' | 'version' | 'complete'>,
  journal: readonly StoreWrite[] | undefined,
): Frame[] {
  const init = { type: 'init', version: recordVersion, ...life } as const
  const frames: Frame[] = [{ ...init, complete: journal !== undefined }]
  const each = limits.journalEntriesPerFrame
  for (let i = 0; i < (journal?.length ?? 0); i += each)
    frames.push({ type: 'journal', writes: journal!.slice(i, i + each) })
  return frames
}

export function stepFrame(
  { now, event, notes }: { now: Millis; event: Event; notes: SealNotes },
  effects: StepFrame['effects'],
): StepFrame {
  const { signatures, forged } = notes
  const wrong = forged.length > 0 && { forged }
  return { type: 'step', now, event, signatures, ...wrong, effects }
}

export type ReadFrame =
  | { readonly frame: Frame; readonly bytes: number }
  /** The bytes end before the frame does. */
  | { readonly torn: true }
  | { readonly broken: string }

/** The frame that the bytes begin with. */
export function readFrame(bytes: Uint8Array): ReadFrame {
  if (bytes.length < lengthBytes) return { torn: true }
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0)
  if (length > limits.frameBytes) return { broken: `a frame of ${length} bytes` }
  const end = lengthBytes + length
  if (end > bytes.length) return { torn: true }
  const value = decodeCanonical(bytes.subarray(lengthBytes, end), limits.frameBytes)
  if (value === undefined) return { broken: 'bytes that are no canonical value' }
  const checked = check(frameSchema, value)
  if (checked.ok) return { frame: checked.value as unknown as Frame, bytes: end }
  const { path, message } = checked.issues[0]!
  return { broken: `${path} ${message}`.trim() }
}

/** All whole ones; a torn or a broken one ends them. */
export function* readFrames(bytes: Uint8Array): Iterable<Frame> {
  for (let at = 0; ; ) {
    const read = readFrame(bytes.subarray(at))
    if (!('frame' in read)) return
    yield read.frame
    at += read.bytes
  }
}

/**
 * As the frame carries it: without what is undefined, and null for a number that has no canonical form. A client may
 * submit either; effects have the former where a field is left open.
 */
export function canonicalForm(value: unknown): Value {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array)
    return (value ?? null) as Value
  if (Array.isArray(value)) return value.map(canonicalForm)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, canonicalForm(field)]))
}

const open = { keepUnknown: true }
const moment = integer(0, Number.MAX_SAFE_INTEGER)
const typed = object({ type: text({ max: 64 }) }, open)
const writeShape = object({ key: text({ max: 1024 }), value: anything() })
const initShape = object(
  {
    type: literal('init'),
    version: moment,
    config: object({}, open),
    self: text({ min: 1, max: limits.memberIdLength }),
    seed: moment,
    node: object({}, open),
    news: optional(literal('all')),
    complete: boolean(),
  },
  open,
)
const stepShape = object({
  type: literal('step'),
  now: moment,
  event: typed,
  signatures: list(bytes(64), limits.signaturesPerStep),
  forged: optional(list(text({ max: 24 }), limits.signaturesPerStep)),
  effects: nullable(list(typed, limits.effectsPerStep)),
})
const frameSchema: Schema<unknown> = union('type', {
  init: initShape,
  journal: object({
    type: literal('journal'),
    writes: list(writeShape, limits.journalEntriesPerFrame),
  }),
  step: stepShape,
  full: object({ type: literal('full') }),
})
