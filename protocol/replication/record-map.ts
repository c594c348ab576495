/**
 * What a replica holds: for each key its newest versions, joined as record.ts says, with the Merkle tree kept
 * in step. The join is a function of the set of records that were ever offered, not
 * of their order.
 *
 * Tombstones end by rule, not by message: `expired` is a stamp, and a tombstone at or before it counts no
 * more, nor does any version behind it. What does not count is not in the digest and is not sent, so
 * replicas whose clocks agree let go of it at the same instant. It stays here a while longer
 * (see tombstones.ts) to keep older writes of the key from coming back.
 */
import { type BigMap, type BigMaps, plainMaps } from '../base/big-map.ts'
import { hashText } from '../base/hash.ts'
import { compareText, type Stamp } from '../base/id.ts'
import { inserted } from '../base/list.ts'
import { type Digest, type DigestItem, MerkleTree } from './digest.ts'
import { compareRecords, dotName, type ReplicaRecord, versionsKept } from './record.ts'

/** Immutable: a change makes another one. */
export interface Entry extends DigestItem {
  /** Newest first; never empty. */
  readonly versions: readonly ReplicaRecord[]
  /** So many of them count: those before the first expired tombstone. */
  readonly counted: number
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
/** Before every stamp. */
export const nothingExpired: Stamp = -1
const nothing: readonly ReplicaRecord[] = []

export class RecordMap {
  readonly #maps: BigMaps
  #tree = new MerkleTree<Entry>()
  #entries: BigMap<Entry>
  #records = 0
  #tombstones = 0
  /** What `hasOther` found last: it is there still, nearly always. */
  #other = ''

  constructor(maps: BigMaps = plainMaps) {
    this.#maps = maps
    this.#entries = maps.create<Entry>('records')
  }

  get tree(): Digest<Entry> {
    return this.#tree
  }

  /** Begins with what another map holds. */
  adopt(other: RecordMap): void {
    this.#tree = other.#tree.copy()
    this.#entries = this.#maps.copy(other.#entries)
    this.#records = other.#records
    this.#tombstones = other.#tombstones
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Keys that have a value, sorted: a look at all of them, for the start of a life. */
  keys(prefix: string): string[] {
    return [...this.#keys(prefix)].sort(compareText)
  }

  /** All versions that count, by key, then newest first. */
  *records(): Generator<ReplicaRecord> {
    for (const key of [...this.#entries.keys()].sort(compareText)) {
      const { versions, counted } = this.#entries.get(key)!
      yield* versions.slice(0, counted)
    }
  }

  /** Whether there is another key of the prefix with a value; the first that is found will do. */
  hasOther(prefix: string, key: string): boolean {
    const last = this.#entries.get(this.#other)
    if (this.#other.startsWith(prefix) && this.#other !== key && last && hasValue(last)) return true
    for (const other of this.#keys(prefix)) {
      if (other === key) continue
      this.#other = other
      return true
    }
    return false
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
    const { versions } = entry
    let at = versions.length
    while (at > 0 && compareRecords(record, versions[at - 1]!) > 0) at -= 1
    const kept = inserted(versions, at, record)
    const dropped = kept.splice(versionsKept(record.key))
    this.#records += 1 - dropped.length
    this.#replace(entry, makeEntry(kept, expired))
    return { valueChanged: at === 0, dropped }
  }

  /** Counts the key's versions again after time has passed. */
  recount(key: string, expired: Stamp): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || countedOf(entry.versions, expired) === entry.counted) return entry
    const recounted = makeEntry(entry.versions, expired)
    this.#replace(entry, recounted)
    return recounted
  }

  /** Lets go of the key's versions that do not count. */
  forgetUncounted(entry: Entry): readonly ReplicaRecord[] {
    this.#keep(entry, entry.versions.slice(0, entry.counted), nothingExpired)
    return entry.versions.slice(entry.counted)
  }

  /** Lets go of all such records: a look at everything, for the rare case that the past is given up. */
  forget(isSuch: (record: ReplicaRecord) => boolean, expired: Stamp): readonly ReplicaRecord[] {
    const dropped: ReplicaRecord[] = []
    for (const key of [...this.#entries.keys()].sort(compareText)) {
      const entry = this.#entries.get(key)!
      const kept = entry.versions.filter((record) => !isSuch(record))
      if (kept.length === entry.versions.length) continue
      dropped.push(...entry.versions.filter(isSuch))
      this.#keep(entry, kept, expired)
    }
    return dropped
  }

  #keep(entry: Entry, kept: readonly ReplicaRecord[], expired: Stamp): void {
    this.#records -= entry.versions.length - kept.length
    if (kept.length > 0) return this.#replace(entry, makeEntry(kept, expired))
    if (entry.counted > 0) this.#tree.remove(entry)
    if (!hasValue(entry)) this.#tombstones -= 1
    this.#entries.delete(entry.key)
  }

  #insert(record: ReplicaRecord, expired: Stamp): void {
    const entry = makeEntry([record], expired)
    this.#entries.set(entry.key, entry)
    this.#records += 1
    if (entry.counted > 0) this.#tree.add(entry)
    if (!hasValue(entry)) this.#tombstones += 1
  }

  #replace(old: Entry, entry: Entry): void {
    if (old.counted > 0) this.#tree.remove(old)
    if (entry.counted > 0) this.#tree.add(entry)
    this.#entries.set(entry.key, entry)
    if (hasValue(old) !== hasValue(entry)) this.#tombstones += hasValue(entry) ? -1 : 1
  }

  *#keys(prefix: string): Iterable<string> {
    for (const key of this.#entries.keys())
      if (key.startsWith(prefix) && hasValue(this.#entries.get(key)!)) yield key
  }
}

/** Where in the Merkle tree the key belongs. */
export function placeOf(key: string): number {
  return hashText(key, placeSeed)
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

/**
 * Entries of one version, which are most, by that version: thousands of simulated replicas that hold the same
 * record share its entry, and hash it once.
 */
const single = new WeakMap<ReplicaRecord, Entry>()

function makeEntry(versions: readonly ReplicaRecord[], expired: Stamp): Entry {
  const counted = countedOf(versions, expired)
  const newest = versions[0]!
  if (versions.length > 1 || counted === 0) return hashEntry(newest.key, versions, counted)
  const known = single.get(newest)
  if (known !== undefined) return known
  const entry = hashEntry(newest.key, versions, counted)
  single.set(newest, entry)
  return entry
}

/** The hash is over the key and the dots of all versions that count. */
function hashEntry(key: string, versions: readonly ReplicaRecord[], counted: number): Entry {
  let high = hashText(key, highSeed)
  let low = hashText(key, lowSeed)
  for (let i = 0; i < counted; i++) {
    const name = dotName(versions[i]!)
    high = hashText(name, high)
    low = hashText(name, low)
  }
  // As signed integers they need no box of their own.
  return { key, place: placeOf(key), high: high | 0, low: low | 0, versions, counted }
}
