/**
 * Which records a calm member held when. Its row says of each neighbour when that one last held the same; what that
 * was follows from the time, so that a change of the records need not go through the neighbours.
 */
import type { Millis } from './base/id.ts'
import { limits } from './limits.ts'

export interface HeldRecords {
  /** The root hash of all of them. */
  readonly root: string
  /** Of the log, then. */
  readonly position: number
}

interface Past extends HeldRecords {
  /** Up to here, and not at this time. */
  readonly until: Millis
}

export class PastRecords {
  #past: Past[] = none

  get isFull(): boolean {
    return this.#past.length >= limits.pastRecords
  }

  add(held: HeldRecords, until: Millis): void {
    if (this.#past === none) this.#past = []
    this.#past.push({ ...held, until })
  }

  /** Undefined: what is held now. */
  at(time: Millis): HeldRecords | undefined {
    return this.#past.find(({ until }) => time < until)
  }

  clear(): void {
    this.#past = none
  }
}

/** Never written to. */
const none: Past[] = []
