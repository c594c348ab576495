/**
 * A flight record: the init of a core, then every step, so that an incident can be replayed to the same effects.
 * Frames of canonical bytes, each after its length in four bytes; a torn last frame is left out.
 *
 * The private key is not in it: each step carries the signatures that were made in it instead. A record that
 * was kept in memory for a crash begins in the middle: it has the last steps, and no journal to start from.
 */
import { decodeCanonical, encodeCanonical } from './base/bytes.ts'
import type { MemberId, Millis } from './base/id.ts'
import type { Value } from './base/value.ts'
import type { Config } from './config.ts'
import type { StoreWrite } from './effect.ts'
import type { Event } from './event.ts'
import { limits } from './limits.ts'
import type { NodeBody } from './placement/node-body.ts'

export interface InitFrame {
  readonly type: 'init'
  readonly version: 1
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
}

export type Frame = InitFrame | JournalFrame | StepFrame

const lengthBytes = 4

export function encodeFrame(frame: Frame): Uint8Array {
  const body = encodeCanonical(frame as unknown as Value)
  const bytes = new Uint8Array(lengthBytes + body.length)
  new DataView(bytes.buffer).setUint32(0, body.length)
  bytes.set(body, lengthBytes)
  return bytes
}

export function* readFrames(bytes: Uint8Array): Iterable<Frame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + lengthBytes <= bytes.length; ) {
    const length = view.getUint32(at)
    const end = at + lengthBytes + length
    if (end > bytes.length) return
    const frame = decodeCanonical(bytes.subarray(at + lengthBytes, end), limits.frameBytes)
    if (frame === undefined) return
    yield frame as unknown as Frame
    at = end
  }
}
