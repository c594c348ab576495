/**
 * What a replica holds: for each key its newest versions, joined as record.ts says, with the Merkle tree and
 * the index of keys kept in step. The join is a function of the set of records that were ever offered, not
 * of their order.
 *
 * Tombstones end by rule, not by message: `expired` is a stamp, and a tombstone at or before it counts no
 * more, nor does any version behind it. What does not count is not in the digest and is not sent, so
 * replicas whose clocks agree let go of it at the same instant. It stays here a while longer
 * (see tombstones.ts) to keep older writes of the key from coming back.
 */
import { hashText } from '../base/hash.ts'
import type { Stamp } from '../base/id.ts'
import { type DigestItem, MerkleTree } from './digest.ts'
import { KeyIndex } from './key-index.ts'
import { compareRecords, dotName, type ReplicaRecord, versionsKept } from './record.ts'

export interface Entry extends DigestItem {
  high: number
  low: number
  /** Newest first; never empty. */
  versions: ReplicaRecord[]
  /** So many of them count: those before the first expired tombstone. */
  counted: number
}

export interface Joined {
  /** The key's newest record is another one now. */
  readonly valueChanged: boolean
  /** Pushed out by newer versions. */
  readonly dropped: readonly ReplicaRecord[]
}

const placeSeed = 0x51ab3c1d
const highSeed = 0x2545f491
const lowSeed = 0x5bd1e995
const nothing: readonly ReplicaRecord[] = []

export class RecordMap {
  readonly tree = new MerkleTree<Entry>()
  readonly #entries = new Map<string, Entry>()
  readonly #index = new KeyIndex()
  #records = 0
  #tombstones = 0

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Keys that have a value, sorted. */
  keys(prefix: string): string[] {
    return this.#index.withPrefix(prefix)
  }

  /** Records in all, and keys whose newest record is a tombstone. */
  size(): { records: number; tombstones: number } {
    return { records: this.#records, tombstones: this.#tombstones }
  }

  /** Whether joining the record would change nothing. */
  covers(record: ReplicaRecord, expired: Stamp): boolean {
    const versions = this.#entries.get(record.key)?.versions
    if (versions === undefined) return isExpired(record, expired)
    const last = versions[versions.length - 1]!
    if (versions.length >= versionsKept(record.key) && compareRecords(record, last) < 0) return true
    for (const held of versions) {
      if (held.author === record.author && held.counter === record.counter) return true
      if (isExpired(held, expired) && compareRecords(record, held) < 0) return true
    }
    return isExpired(record, expired) && compareRecords(record, last) < 0
  }

  /** Takes in a record that is not covered. */
  join(record: ReplicaRecord, expired: Stamp): Joined {
    const entry = this.#entries.get(record.key)
    if (entry === undefined) {
      this.#insert(record, expired)
      return { valueChanged: true, dropped: nothing }
    }
    const wasValue = hasValue(entry)
    const versions = entry.versions.slice()
    let at = versions.length
    while (at > 0 && compareRecords(record, versions[at - 1]!) > 0) at -= 1
    versions.splice(at, 0, record)
    const dropped = versions.splice(versionsKept(record.key))
    this.#records += 1 - dropped.length
    this.#replace(entry, versions, expired)
    this.#recordValue(entry, wasValue)
    return { valueChanged: at === 0, dropped }
  }

  /** Counts again after time has passed. */
  recount(entry: Entry, expired: Stamp): void {
    if (countedOf(entry.versions, expired) !== entry.counted)
      this.#replace(entry, entry.versions, expired)
  }

  /** Lets go of the versions that do not count. */
  forgetUncounted(entry: Entry): readonly ReplicaRecord[] {
    const dropped = entry.versions.slice(entry.counted)
    this.#records -= dropped.length
    if (entry.counted > 0) entry.versions = entry.versions.slice(0, entry.counted)
    else {
      // Nothing counts behind an expired tombstone, so the newest is that tombstone.
      this.#tombstones -= 1
      this.#entries.delete(entry.key)
    }
    return dropped
  }

  #insert(record: ReplicaRecord, expired: Stamp): void {
    const { key } = record
    const place = hashText(key, placeSeed)
    const entry: Entry = { key, place, high: 0, low: 0, versions: [], counted: 0 }
    this.#entries.set(key, entry)
    this.#records += 1
    this.#replace(entry, [record], expired)
    if (hasValue(entry)) this.#index.add(key)
    else this.#tombstones += 1
  }

  #replace(entry: Entry, versions: ReplicaRecord[], expired: Stamp): void {
    if (entry.counted > 0) this.tree.remove(entry)
    entry.versions = versions
    entry.counted = countedOf(versions, expired)
    if (entry.counted === 0) return
    hashEntry(entry)
    this.tree.add(entry)
  }

  #recordValue(entry: Entry, wasValue: boolean): void {
    const isValue = hasValue(entry)
    if (isValue === wasValue) return
    this.#tombstones += isValue ? -1 : 1
    if (isValue) this.#index.add(entry.key)
    else this.#index.delete(entry.key)
  }
}

export function isExpired(record: ReplicaRecord, expired: Stamp): boolean {
  return record.body === null && record.stamp <= expired
}

function hasValue(entry: Entry): boolean {
  return entry.versions[0]!.body !== null
}

function countedOf(versions: readonly ReplicaRecord[], expired: Stamp): number {
  const first = versions.findIndex((record) => isExpired(record, expired))
  return first < 0 ? versions.length : first
}

/** Over the key and the dots of all versions that count. */
function hashEntry(entry: Entry): void {
  entry.high = hashText(entry.key, highSeed)
  entry.low = hashText(entry.key, lowSeed)
  for (let i = 0; i < entry.counted; i++) {
    const name = dotName(entry.versions[i]!)
    entry.high = hashText(name, entry.high)
    entry.low = hashText(name, entry.low)
  }
}
