/**
 * Which members were there, across a restart: `member/<id>` in the journal. A restarted member counts on
 * those that it knew until the probes say otherwise, so it does not take over slots that still run.
 */

import type { MemberId, Millis } from './base/id.ts'
import { sortedValues } from './base/order.ts'
import { remembered } from './base/remembered.ts'
import { check, integer, literal, object } from './base/schema.ts'
import { SparseMap } from './base/sparse.ts'
import type { StoreWrite } from './effect.ts'
import { limits } from './limits.ts'
import type { MemberUpdate, PastUpdate } from './membership/member.ts'

const prefix = 'member/'
/** A change is on the disk by then. */
export const journalDelayMs = 30_000
const bodySchema = object({
  incarnation: integer(0, limits.incarnation),
  state: literal('alive', 'suspect', 'down', 'left'),
})

/**
 * Changes on their way to the disk. They are hints for the next start, so they ride with other writes or wait
 * some seconds: an fsync for each change made a disk that is shared by many agents the slowest of them all,
 * just when most members come or go.
 */
export class MemberJournal {
  readonly #writes = new SparseMap<MemberId, StoreWrite>()
  #dueAt: Millis | undefined

  note(update: MemberUpdate, now: Millis): void {
    this.#add(update.member, memberWrite(update), now)
  }

  noteAll(updates: readonly PastUpdate[]): void {
    for (const { update, at } of updates) this.#add(update.member, sharedWrite(update), at)
  }

  forget(member: MemberId, now: Millis): void {
    this.#add(member, memberForgetting(member), now)
  }

  get deadline(): Millis | undefined {
    return this.#dueAt
  }

  /** What is to be written now; `isWriting`: something else is written anyway. */
  take(isWriting: boolean, now: Millis): StoreWrite[] {
    if (this.#dueAt === undefined || (!isWriting && now < this.#dueAt)) return []
    const writes = sortedValues(this.#writes)
    this.#writes.clear()
    this.#dueAt = undefined
    return writes
  }

  #add(member: MemberId, write: StoreWrite, now: Millis): void {
    this.#writes.set(member, write)
    this.#dueAt ??= now + journalDelayMs
  }
}

export function memberWrite({ member, incarnation, state }: MemberUpdate): StoreWrite {
  return { key: prefix + member, value: { incarnation, state } }
}

/** The same for all that were told by the same message. */
const sharedWrite = remembered(memberWrite)

export function memberForgetting(member: MemberId): StoreWrite {
  return { key: prefix + member, value: null }
}

/**
 * The number of its starts; but a new life begins above what the last one had to claim. Made-up deaths may have driven
 * that far up, and from below the member itself would not believe what the others hold of it.
 */
export function firstIncarnation(
  journal: Iterable<StoreWrite>,
  { self, epoch }: { self: MemberId; epoch: number },
): number {
  let last = 0
  for (const { key, value } of journal) {
    if (key !== prefix + self) continue
    const body = check(bodySchema, value)
    if (body.ok) last = body.value.incarnation
  }
  return last > epoch ? last + 1 : epoch
}

export function journaledMembers(journal: Iterable<StoreWrite>, self: MemberId): MemberUpdate[] {
  const updates: MemberUpdate[] = []
  for (const { key, value } of journal) {
    const member = key.slice(prefix.length)
    if (!key.startsWith(prefix) || member === self) continue
    const body = check(bodySchema, value)
    // A suspicion is for its observers to hold; here it is a member like any other.
    if (body.ok) {
      const state = body.value.state === 'suspect' ? 'alive' : body.value.state
      updates.push({ member, incarnation: body.value.incarnation, state })
    }
  }
  return updates
}
