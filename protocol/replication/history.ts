/**
 * Keeps this replica's own history (lived.ts) in the journal, under `self/lived`: that it is there is noted every
 * now and then, so the next life knows for how long it was off.
 */
import { hashText } from '../base/hash.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { check, integer, nullable, object } from '../base/schema.ts'
import type { StoreWrite } from '../effect.ts'
import { type Interval, type Lived, livedSchema, patienceOf, yieldsTo } from './lived.ts'

const key = 'self/lived'
const moment = integer(0, Number.MAX_SAFE_INTEGER)
const noteSchema = object({
  /** The last time at which it is known to have been there. */
  seenAt: moment,
  /** Since when there has been nobody else; null in company. */
  aloneSince: nullable(moment),
  lived: livedSchema,
})

/** Notes in the life of a tombstone: every 45 minutes of 24 hours. */
const notesPerLife = 32

export class History {
  readonly #self: MemberId
  readonly #patienceMs: Millis
  readonly #noteEveryMs: Millis
  #lived: Lived | undefined
  #aloneSince: Millis | null = null
  #seenAt: Millis | undefined
  #dueAt: Millis | undefined

  constructor(init: { self: MemberId; tombstoneTtlMs: Millis; journal: Iterable<StoreWrite> }) {
    this.#self = init.self
    this.#patienceMs = patienceOf(init.tombstoneTtlMs)
    this.#noteEveryMs = Math.max(1, Math.floor(init.tombstoneTtlMs / notesPerLife))
    for (const entry of init.journal) if (entry.key === key) this.#recall(entry.value)
  }

  /** As it is told to others; undefined before the start. */
  lived(now: Millis): Lived | undefined {
    if (this.#lived === undefined || this.#dueAt === undefined) return undefined
    if (this.#aloneSince === null) return this.#lived
    // They may hear of it before we know that we are not alone any more.
    const alone = { from: this.#aloneSince, to: now }
    return this.#isLong(alone) ? { ...this.#lived, alone } : this.#lived
  }

  /** As if it had been there with the other all the time. */
  adopt(other: History): void {
    this.#lived = other.#lived
  }

  /** Writes of others up to this time may have been deleted while we were away. */
  suspectBefore(now: Millis): Millis {
    return now - this.#patienceMs
  }

  start(now: Millis): void {
    const off = { from: this.#seenAt ?? now, to: now }
    const origin = now * 1024 + (hashText(this.#self) & 1023)
    this.#lived ??= { isNew: true, origin }
    if (this.#isLong(off)) this.#lived = { ...this.#lived, off }
    this.#dueAt = now
  }

  onMembersChanged(present: number, now: Millis): void {
    if (this.#lived === undefined) return
    if (present <= 1) {
      // One that has never met anybody has nothing to miss.
      if (!this.#lived.isNew && this.#aloneSince === null) this.#setAlone(now, now)
      return
    }
    if (this.#aloneSince === null) return
    const alone = { from: this.#aloneSince, to: now }
    if (this.#isLong(alone)) this.#lived = { ...this.#lived, alone }
    this.#setAlone(null, now)
  }

  /** What the other has told of itself. True if we are to let go of what may have been deleted. */
  meet(other: MemberId, told: Lived, now: Millis): boolean {
    const own = this.lived(now)
    if (own === undefined) return false
    const isYielding = yieldsTo(own, told, this.#meeting(other))
    if (isYielding || goesOnIn(own, told)) this.#take(told, now)
    else if (own.isNew) this.#take(own, now)
    return isYielding
  }

  /** Whether it is for the other to let go of what it holds. */
  isBehind(other: MemberId, told: Lived, now: Millis): boolean {
    const own = this.lived(now)
    if (own === undefined) return false
    const meeting = { ...this.#meeting(other), self: other, other: this.#self }
    return yieldsTo(told, own, meeting)
  }

  deadline(): Millis | undefined {
    return this.#dueAt
  }

  /** To be written now, behind whatever is let go of. */
  take(now: Millis): StoreWrite | undefined {
    if (this.#lived === undefined || this.#dueAt === undefined || now < this.#dueAt)
      return undefined
    this.#dueAt = now + this.#noteEveryMs
    const note = { seenAt: now, aloneSince: this.#aloneSince, lived: this.#lived }
    return { key, value: note }
  }

  #recall(value: unknown): void {
    const read = check(noteSchema, value)
    if (!read.ok) return
    this.#seenAt = read.value.seenAt
    this.#lived = read.value.lived
    this.#aloneSince = read.value.aloneSince
  }

  #take(told: Lived, now: Millis): void {
    const { isNew: _, ...lived } = told
    this.#lived = lived
    this.#dueAt = now
  }

  #setAlone(since: Millis | null, now: Millis): void {
    this.#aloneSince = since
    this.#dueAt = now
  }

  #isLong({ from, to }: Interval): boolean {
    return to - from > this.#patienceMs
  }

  #meeting(other: MemberId): { self: MemberId; other: MemberId; patienceMs: Millis } {
    return { self: this.#self, other, patienceMs: this.#patienceMs }
  }
}

/** Of two that had nothing in common one goes on in the history of the other: the newcomer, if one is. */
function goesOnIn(own: Lived, told: Lived): boolean {
  if (own.origin === told.origin) return false
  return own.isNew === told.isNew ? told.origin < own.origin : own.isNew === true
}
