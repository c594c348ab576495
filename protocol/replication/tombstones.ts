/**
 * When deletions may be forgotten. A tombstone counts for `tombstoneTtlMs` after its stamp; then all replicas
 * leave it out of the digest at the same instant, as far as their clocks agree. It is removed then if every
 * neighbour was seen with our root since it came here, so they have it too. (Neighbours will do: whoever lacks
 * it is the neighbour of one who has it, and who therefore keeps it.) If not, it stays, for as long again at
 * most: older writes of its key do not come back, and whoever hands one over is told of the deletion.
 */

import { Deadlines } from '../base/deadline.ts'
import { type Millis, millisOf, type Stamp } from '../base/id.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import { stampAt } from './clock.ts'
import { dotName, type ReplicaRecord } from './record.ts'
import type { Entry, RecordMap } from './record-map.ts'

export class Tombstones {
  readonly #ttlMs: Millis
  readonly #map: RecordMap
  readonly #deadlines = new Deadlines()
  /** Since when a tombstone is held here, by key. */
  readonly #learned = new SparseMap<string, { readonly dot: string; readonly at: Millis }>()

  constructor(ttlMs: Millis, map: RecordMap) {
    this.#ttlMs = ttlMs
    this.#map = map
  }

  /** Tombstones up to this stamp count no more. */
  expired(now: Millis): Stamp {
    return stampAt(now - this.#ttlMs)
  }

  /** The entry has changed; most have no tombstone. `now` is undefined for the journal's. */
  watch(entry: Entry, now: Millis | undefined): void {
    const at = nextExaminationAt(entry, this.#ttlMs, now)
    if (at === undefined) return this.forget(entry.key)
    this.#deadlines.set(entry.key, at)
    if (now !== undefined) this.#learnedAt(entry, now)
  }

  forget(key: string): void {
    this.#deadlines.clear(key)
    this.#learned.delete(key)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** `agreedSince(at)`: every neighbour was seen with our root after that time. */
  onDeadlines(
    now: Millis,
    agreedSince: (at: Millis) => boolean,
    forget: (record: ReplicaRecord) => void,
  ): void {
    const expired = this.expired(now)
    for (let examined = 0; examined < limits.tombstonesPerStep; examined++) {
      const key = this.#deadlines.takeDue(now)
      if (key === undefined) return
      const entry = this.#map.recount(key, expired)
      if (entry !== undefined) this.#examine(entry, now, agreedSince, forget)
    }
  }

  #examine(
    entry: Entry,
    now: Millis,
    agreedSince: (at: Millis) => boolean,
    forget: (record: ReplicaRecord) => void,
  ): void {
    const first = entry.versions[entry.counted]
    if (first !== undefined) {
      const isKnownToAll = agreedSince(this.#learnedAt(entry, now))
      if (isKnownToAll || now >= millisOf(first.stamp) + 2 * this.#ttlMs)
        for (const record of this.#map.forgetUncounted(entry)) forget(record)
    }
    const left = this.#map.get(entry.key)
    if (left === undefined) this.forget(entry.key)
    else this.watch(left, now)
  }

  /** When the newest tombstone of the entry came; now, if that is not known. */
  #learnedAt({ key, versions }: Entry, now: Millis): Millis {
    const dot = dotName(versions.find((record) => record.body === null)!)
    const held = this.#learned.get(key)
    if (held?.dot === dot) return held.at
    this.#learned.set(key, { dot, at: now })
    return now
  }
}

/** An expired one is looked at so often, for as long again. */
const looksPerLife = 16

/** The end of the first tombstone that still counts, or the end of the time that an expired one is kept. */
function nextExaminationAt(
  entry: Entry,
  ttlMs: Millis,
  now: Millis | undefined,
): Millis | undefined {
  let next: Millis | undefined
  for (const [i, record] of entry.versions.slice(0, entry.counted + 1).entries()) {
    if (record.body !== null) continue
    const isExpired = i === entry.counted
    const again = isExpired && now !== undefined ? now + Math.ceil(ttlMs / looksPerLife) : Infinity
    // A stamp within a millisecond has expired in the next one.
    const end = millisOf(record.stamp) + (isExpired ? 2 * ttlMs : ttlMs) + 1
    const at = Math.min(again, end)
    if (next === undefined || at < next) next = at
  }
  return next
}
