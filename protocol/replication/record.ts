/**
 * A record: one write of the replicated state, immutable once made and named by its dot.
 *
 * A key keeps the newest `versionsKept(key)` of its records by (stamp, author, counter); the newest is the
 * key's value. Keeping the k greatest of a union is associative, commutative and idempotent, so any
 * members that have seen the same writes hold the same bytes, in whatever order they came. A shared key
 * keeps several, so that a concurrent write that lost can still be shown; an owned key has one author,
 * whose writes cannot be concurrent, and keeps one. The rejected alternative, a version vector for each
 * key, costs a vector on every record and says no more.
 *
 * Keys, and who may write them:
 * | key | owner | body |
 * |---|---|---|
 * | `node/<member>` | that member | NodeBody |
 * | `alloc/<member>/<allocation>` | that member | AllocationBody |
 * | `job/<job>/spec` | shared | JobSpec |
 * | `job/<job>/count` | shared | { count } |
 * | `drain/<member>` | shared | { draining } |
 */
import { compareText, type MemberId, type Stamp } from '../base/id.ts'
import type { Value } from '../base/value.ts'
import { limits } from '../limits.ts'

export interface Dot {
  readonly author: MemberId
  /** epoch × 2^32 + the count of writes in that life: never used twice, not even after a crash that lost some. */
  readonly counter: number
}

export interface ReplicaRecord extends Dot {
  readonly key: string
  readonly stamp: Stamp
  /** The write that its author saw as the key's value; null where there was none, and on owned keys. */
  readonly replaces: Dot | null
  /** null is a tombstone. */
  readonly body: Value
  /** The author's, over the canonical bytes of all the other fields. */
  readonly signature: Uint8Array
}

export function dotOf({ author, counter }: Dot): Dot {
  return { author, counter }
}

export function dotName(dot: Dot): string {
  return `${dot.author}:${dot.counter}`
}

/** The member that alone may write the key; undefined for a shared key. */
export function ownerOf(key: string): MemberId | undefined {
  const parts = key.split('/')
  return parts[0] === 'node' || parts[0] === 'alloc' ? parts[1] : undefined
}

export function versionsKept(key: string): number {
  return ownerOf(key) === undefined ? limits.versionsPerKey : 1
}

/** Total order of the writes of one key: the greatest wins, the same everywhere. */
export function compareRecords(a: ReplicaRecord, b: ReplicaRecord): number {
  return a.stamp - b.stamp || compareText(a.author, b.author) || a.counter - b.counter
}
