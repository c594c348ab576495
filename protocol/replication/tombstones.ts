/**
 * When deletions may be forgotten. A tombstone counts for `tombstoneTtlMs` after its stamp; then all replicas
 * leave it out of the digest at the same instant, as far as their clocks agree. It is removed at that time
 * if every present member was seen with our root in the second half of its life, so they all have it; if not,
 * it stays for as long again, to keep older writes of its key from coming back.
 */
import { Deadlines } from '../base/deadline.ts'
import { type Millis, millisOf, type Stamp } from '../base/id.ts'
import { limits } from '../limits.ts'
import { stampAt } from './clock.ts'
import type { ReplicaRecord } from './record.ts'
import type { Entry, RecordMap } from './record-map.ts'

export class Tombstones {
  readonly #ttlMs: Millis
  readonly #map: RecordMap
  readonly #deadlines = new Deadlines()

  constructor(ttlMs: Millis, map: RecordMap) {
    this.#ttlMs = ttlMs
    this.#map = map
  }

  /** Tombstones up to this stamp count no more. */
  expired(now: Millis): Stamp {
    return stampAt(now - this.#ttlMs)
  }

  /** The entry has changed; most have no tombstone. */
  watch(entry: Entry): void {
    const at = nextExaminationAt(entry, this.#ttlMs)
    if (at === undefined) this.#deadlines.clear(entry.key)
    else this.#deadlines.set(entry.key, at)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** `agreedSince(at)`: every present member was seen with our root after that time. */
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
      const writtenAt = millisOf(first.stamp)
      const isKnownToAll = agreedSince(writtenAt + this.#ttlMs / 2)
      if (isKnownToAll || now >= writtenAt + 2 * this.#ttlMs)
        for (const record of this.#map.forgetUncounted(entry)) forget(record)
    }
    const left = this.#map.get(entry.key)
    if (left !== undefined) this.watch(left)
  }
}

/** The end of the first tombstone that still counts, or the end of the time that an expired one is kept. */
function nextExaminationAt(entry: Entry, ttlMs: Millis): Millis | undefined {
  let next: Millis | undefined
  for (const [i, record] of entry.versions.slice(0, entry.counted + 1).entries()) {
    if (record.body !== null) continue
    const lives = i === entry.counted ? 2 * ttlMs : ttlMs
    // A stamp within a millisecond has expired in the next one.
    const at = millisOf(record.stamp) + lives + 1
    if (next === undefined || at < next) next = at
  }
  return next
}
