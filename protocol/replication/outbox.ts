/**
 * Own records on their way into gossip: the first when it is due, then one batch per interval. A newer record
 * of a key takes the place of the older one that still waits: so a start, whose steps may wait for its end,
 * costs the cluster one message and not two, and the end finds the interval unused. The more the others say, the
 * longer the interval (traffic.ts). Gossip is a hint, so what does not fit is left to anti-entropy.
 */

import type { Millis } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import { compareRecords, type ReplicaRecord } from './record.ts'
import { recordSize } from './signature.ts'
import { Traffic } from './traffic.ts'

export class Outbox {
  readonly #intervalMs: Millis
  /** Keys in the order in which they came. */
  #queue: string[] = []
  readonly #newest = new SparseMap<string, ReplicaRecord>()
  readonly #traffic = new Traffic()
  #nextAt: Millis = 0
  /** When the first of those that wait has to go. */
  #dueAt: Millis = Number.POSITIVE_INFINITY

  constructor(intervalMs: Millis) {
    this.#intervalMs = intervalMs
  }

  /** Another member has broadcast records. */
  noteTraffic(now: Millis): void {
    this.#traffic.note(now)
  }

  /** It may wait for others to come, longer the more there is to hear. */
  add(record: ReplicaRecord, now: Millis, gatherMs: Millis = 0): void {
    const held = this.#newest.get(record.key)
    if (held === undefined) {
      if (this.#queue.length >= limits.outboxRecords) return
      this.#queue.push(record.key)
    } else if (compareRecords(held, record) > 0) return
    this.#newest.set(record.key, record)
    const waitMs = gatherMs === 0 ? 0 : this.#traffic.stretch(gatherMs, now)
    this.#dueAt = Math.min(this.#dueAt, now + waitMs)
  }

  take(now: Millis): ReplicaRecord[] {
    const deadline = this.deadline()
    if (deadline === undefined || now < deadline) return []
    this.#traffic.note(now)
    this.#nextAt = now + this.#traffic.stretch(this.#intervalMs, now)
    const batch = firstThatFit(this.#queue.map((key) => this.#newest.get(key)!))
    for (const record of batch) this.#newest.delete(record.key)
    this.#queue = this.#queue.slice(batch.length)
    if (this.#queue.length === 0) this.#dueAt = Number.POSITIVE_INFINITY
    return batch
  }

  deadline(): Millis | undefined {
    return this.#queue.length > 0 ? Math.max(this.#nextAt, this.#dueAt) : undefined
  }
}

/** As many of the records as one batch may carry; at least the first. */
export function firstThatFit(records: readonly ReplicaRecord[]): ReplicaRecord[] {
  let bytes = 0
  const end = Math.min(records.length, limits.recordsPerMessage)
  for (let i = 0; i < end; i++) {
    bytes += recordSize(records[i]!)
    if (bytes > limits.broadcastBytes && i > 0) return records.slice(0, i)
  }
  return records.slice(0, end)
}
