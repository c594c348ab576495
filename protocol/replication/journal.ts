/**
 * Which records are durable here. All writes of one step go to disk as one effect; what superseded records
 * leave behind is deleted along the way. Proposals ride in the same effect, and whoever waits for a copy is
 * told when the copy is safe, never before.
 *
 * When the disk fails, what others wrote and what we wrote about ourselves stays in memory as dirty, and is
 * written again in bounded batches, one a second until the first succeeds. A failed proposal leaves no
 * trace: if its bytes reached the disk after all, the next write deletes them.
 *
 * Invariant: a record's name is in `#unsafe` from the moment it is kept until a write of it has succeeded.
 */

import type { EffectId, MemberId, Millis } from '../base/id.ts'
import { sortedValues } from '../base/order.ts'
import { remembered } from '../base/remembered.ts'
import { check } from '../base/schema.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { Value } from '../base/value.ts'
import type { Persist, StoreWrite } from '../effect.ts'
import { limits } from '../limits.ts'
import { recordSchema } from './message.ts'
import { dotName, type ReplicaRecord } from './record.ts'
import type { Proposal } from './write-concern.ts'

export const recordPrefix = 'record/'

/** Tells `to` that the records of its message `id` are durable here. */
export interface Receipt {
  readonly to: MemberId
  readonly id: number
}

interface Waiter extends Receipt {
  missing: number
}

interface Flight {
  readonly records: readonly ReplicaRecord[]
  readonly proposals: readonly Proposal[]
  readonly deletes: readonly string[]
  readonly notes: readonly StoreWrite[]
  readonly isRetry: boolean
}

export class Journal {
  readonly #retryMs: Millis
  #kept = new SparseMap<string, ReplicaRecord>()
  #proposals: Proposal[] = []
  #deletes: string[] = []
  /** Small things besides the records, by key. */
  readonly #notes = new SparseMap<string, StoreWrite>()
  readonly #flights = new SparseMap<EffectId, Flight>()
  readonly #unsafe = new SparseSet<string>()
  readonly #dirty = new SparseMap<string, ReplicaRecord>()
  readonly #waiters = new SparseMap<string, Waiter[]>()
  #waiting = 0
  #hasFailed = false
  #retryAt: Millis | undefined
  #isRetryDue = false

  constructor(retryMs: Millis) {
    this.#retryMs = retryMs
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  keep(record: ReplicaRecord): void {
    const name = storeKey(record)
    this.#kept.set(name, record)
    this.#unsafe.add(name)
  }

  /** The record is held no more. Not urgent: a restart would let go of it again. */
  drop(record: ReplicaRecord): void {
    const name = storeKey(record)
    const wasWaiting = this.#kept.delete(name)
    const wasDirty = this.#dirty.delete(name)
    if (wasWaiting || wasDirty) this.#unsafe.delete(name)
    if (wasWaiting) this.#abandon(name)
    else this.#deletes.push(name)
  }

  /** Written once all that was dropped before is gone from the disk: together with the last of it. */
  note(write: StoreWrite): void {
    this.#notes.set(write.key, write)
  }

  propose(proposal: Proposal): void {
    this.#proposals.push(proposal)
  }

  /** True if all the records are durable, so the receipt is due now; if not, `persisted` hands it out. */
  awaitDurable(records: readonly ReplicaRecord[], receipt: Receipt): boolean {
    const names = records.map(storeKey).filter((name) => this.#unsafe.has(name))
    if (names.length === 0) return true
    if (this.#waiting >= limits.pendingWrites) return false
    const waiter = { ...receipt, missing: names.length }
    this.#waiting += 1
    for (const name of names) {
      const waiters = this.#waiters.get(name)
      if (waiters === undefined) this.#waiters.set(name, [waiter])
      else waiters.push(waiter)
    }
    return false
  }

  flush(nextEffectId: () => EffectId): Persist | undefined {
    if (this.#hasFailed && !this.#isRetryDue) this.#setAside()
    else this.#takeUpDirty()
    const records = sortedValues(this.#kept)
    const proposals = this.#proposals
    const isNoteDue = this.#notes.size > 0 && !this.#hasFailed
    const isNeeded = records.length > 0 || proposals.length > 0 || this.#isRetryDue || isNoteDue
    if (!isNeeded && this.#deletes.length < limits.lazyDeletes) return undefined
    const deletes = this.#deletes.length === 0 ? none : this.#deletes.splice(0, limits.lazyDeletes)
    const notes = this.#deletes.length === 0 ? sortedValues(this.#notes) : []
    if (notes.length > 0) this.#notes.clear()
    const id = nextEffectId()
    this.#flights.set(id, { records, proposals, deletes, notes, isRetry: this.#isRetryDue })
    this.#kept = new SparseMap()
    this.#proposals = []
    this.#isRetryDue = false
    return { type: 'persist', id, writes: writesOf(records, proposals, deletes, notes) }
  }

  /** False where anybody may wait for the effect: then nothing is done, as its end has consequences. */
  persistedQuietly(id: EffectId): boolean {
    const proposals = this.#flights.get(id)?.proposals.length ?? 0
    if (proposals > 0 || this.#waiting > 0 || this.#hasFailed) return false
    this.persisted(id)
    return true
  }

  /** Undefined for an effect of someone else. */
  persisted(
    id: EffectId,
  ): { proposals: readonly Proposal[]; receipts: Receipt[]; recovered: boolean } | undefined {
    const flight = this.#flights.get(id)
    if (flight === undefined) return undefined
    this.#flights.delete(id)
    const receipts: Receipt[] = []
    for (const record of flight.records) this.#settle(storeKey(record), receipts)
    const recovered = flight.isRetry && this.#hasFailed
    if (recovered) this.#hasFailed = false
    return { proposals: flight.proposals, receipts, recovered }
  }

  failed(
    id: EffectId,
    now: Millis,
  ): { proposals: readonly Proposal[]; isFirst: boolean } | undefined {
    const flight = this.#flights.get(id)
    if (flight === undefined) return undefined
    this.#flights.delete(id)
    for (const record of flight.records) {
      const name = storeKey(record)
      if (this.#unsafe.has(name)) this.#dirty.set(name, record)
      this.#abandon(name)
    }
    this.#deletes.push(...flight.deletes)
    for (const note of flight.notes) if (!this.#notes.has(note.key)) this.#notes.set(note.key, note)
    for (const { records } of flight.proposals) this.#deletes.push(...records.map(storeKey))
    const isFirst = !this.#hasFailed
    this.#hasFailed = true
    this.#retryAt = now + this.#retryMs
    return { proposals: flight.proposals, isFirst }
  }

  deadline(): Millis | undefined {
    return this.#hasFailed ? this.#retryAt : undefined
  }

  onDeadline(now: Millis): void {
    if (!this.#hasFailed || this.#retryAt === undefined || now < this.#retryAt) return
    this.#isRetryDue = true
    this.#retryAt = undefined
  }

  #setAside(): void {
    for (const [name, record] of this.#kept) {
      this.#dirty.set(name, record)
      this.#abandon(name)
    }
    this.#kept.clear()
  }

  #takeUpDirty(): void {
    for (const [name, record] of this.#dirty) {
      if (this.#kept.size >= limits.recordsPerMessage) return
      this.#kept.set(name, record)
      this.#dirty.delete(name)
    }
  }

  #settle(name: string, receipts: Receipt[]): void {
    this.#unsafe.delete(name)
    for (const waiter of this.#waiters.get(name) ?? []) {
      waiter.missing -= 1
      if (waiter.missing !== 0) continue
      this.#waiting -= 1
      receipts.push({ to: waiter.to, id: waiter.id })
    }
    this.#waiters.delete(name)
  }

  /** Nobody is told of a record that did not reach the disk in time: they ask another member. */
  #abandon(name: string): void {
    for (const waiter of this.#waiters.get(name) ?? []) {
      if (waiter.missing > 0) this.#waiting -= 1
      waiter.missing = -1
    }
    this.#waiters.delete(name)
  }
}

/** The records among the entries of the journal; a broken one is as good as lost. */
export function* journaledRecords(journal: Iterable<StoreWrite>): Iterable<ReplicaRecord> {
  for (const { key, value } of journal) {
    if (!key.startsWith(recordPrefix)) continue
    const read = check(recordSchema, value)
    if (read.ok) yield read.value
  }
}

export const storeKey = remembered(
  (record: ReplicaRecord) => `${recordPrefix}${record.key}#${dotName(record)}`,
)

const none: readonly string[] = []

/** Where there is nothing else to try the disk with. */
const probe: StoreWrite = { key: 'storage-probe', value: true }

function writesOf(
  records: readonly ReplicaRecord[],
  proposals: readonly Proposal[],
  deletes: readonly string[],
  notes: readonly StoreWrite[],
): StoreWrite[] {
  const writes: StoreWrite[] = deletes.map((key) => ({ key, value: null }))
  for (const record of records) writes.push(recordWrite(record))
  for (const proposal of proposals) writes.push(...proposal.records.map(recordWrite))
  writes.push(...notes)
  return writes.length > 0 ? writes : [probe]
}

/** What keeps the record. */
export const recordWrite = remembered((record: ReplicaRecord): StoreWrite => {
  return { key: storeKey(record), value: record as unknown as Value }
})
