/**
 * The placement ring: consistent hashing (Karger et al., STOC 1997) of members and keys onto 2^32 points.
 * A member has 16 points for a machine of 8 cores and 32 GiB, more or fewer by capacity class. The first
 * member clockwise from a job's hash is its steward; those that follow a slot's hash are its candidates. A
 * member that joins or goes moves only the keys of its own arcs.
 *
 * The class is absolute and a power of two. Relative to the median machine, which was the alternative, a join
 * near the median would have changed everyone's points.
 *
 * A ring is immutable. A change makes a new one by a merge of sorted arrays, once for a batch of changes:
 * some ms at 10,000 members. A prefix index over the hashes makes a look-up O(1).
 */
import { hashText } from '../base/hash.ts'
import { compareText, type MemberId } from '../base/id.ts'
import { clamp, log2Ceil } from '../base/integer.ts'
import type { Resources } from './resources.ts'

/** Of a machine of the middle class, and of one that is not known yet. */
const pointsOfMiddle = 16
const pointsMin = 4
const pointsMax = 128
const middle = { cpu: 8000, memory: 32_768 }

/** A power of two, so that a machine's small differences from its class move nothing. */
export function pointsOf(capacity: Resources | undefined): number {
  if (capacity === undefined) return pointsOfMiddle
  const share = Math.min(
    Math.floor((capacity.cpu * pointsOfMiddle) / middle.cpu),
    Math.floor((capacity.memory * pointsOfMiddle) / middle.memory),
  )
  return 2 ** (31 - Math.clz32(clamp(share, pointsMin, pointsMax)))
}

/** A member with more points has the same first ones. */
function pointAt(seed: number, i: number): number {
  return hashText(String(i), seed)
}

export function keyOfJob(job: string): number {
  return hashText(job)
}

export function keyOfSlot(job: string, slot: number): number {
  return hashText(`${job}/${slot}`)
}

/** How far clockwise the member's first point is: the ring order of a few members without a ring. */
export function clockwiseDistance(key: number, member: MemberId, points: number): number {
  const seed = hashText(member)
  let nearest = 0xffffffff
  for (let i = 0; i < points; i++) nearest = Math.min(nearest, (pointAt(seed, i) - key) >>> 0)
  return nearest
}

/** One of a member's points. */
export interface Point {
  readonly hash: number
  readonly member: MemberId
}

/** A member's first points, in no order. */
export function pointsAt(member: MemberId, count: number): Point[] {
  const seed = hashText(member)
  return Array.from({ length: count }, (_, i) => ({ hash: pointAt(seed, i), member }))
}

/** Keys after `after`, up to and with `upTo`, clockwise; the whole ring where they are equal. */
export interface Arc {
  readonly after: number
  readonly upTo: number
}

/** Concurrent changes that others may make too. */
const patchesRemembered = 3

/** In a packed point the hash is above the owner's index, so numbers sort by (hash, member). */
const ownersMax = 2 ** 20

interface Points {
  readonly hashes: Uint32Array
  /** Indices of members. */
  readonly owners: Uint32Array
}

/** Members that are met again and again on a walk, told apart without a set: those with `visit` in `metIn`. */
export interface Visit {
  /** By index in `members`. */
  readonly metIn: Uint8Array
  readonly visit: number
}

export class PlacementRing {
  static readonly empty = new PlacementRing([], {
    hashes: new Uint32Array(),
    owners: new Uint32Array(),
  })
  /** Sorted. */
  readonly members: readonly MemberId[]
  /** Of each point clockwise, the index of its member. */
  readonly owners: Uint32Array
  /** Of each point; sorted by (hash, owner). */
  readonly hashes: Uint32Array
  /** By the first bits of a hash: the position of the first point that is not below them. */
  readonly #prefix: Uint32Array
  readonly #prefixShift: number
  /** Made by the first visit, and then the same for all. */
  #metIn: Uint8Array | undefined
  #visits = 0
  /** What it became: simulated members that see the same change share what comes of it. */
  #patches: readonly { readonly name: string; readonly ring: PlacementRing }[] = []

  private constructor(members: readonly MemberId[], { hashes, owners }: Points) {
    this.members = members
    this.hashes = hashes
    this.owners = owners
    // About sixteen points for each prefix: they share a cache line, and the index is small enough to be in the cache.
    const bits = clamp(log2Ceil(hashes.length) - 4, 1, 20)
    this.#prefixShift = 32 - bits
    this.#prefix = prefixIndex(hashes, bits)
  }

  get pointCount(): number {
    return this.hashes.length
  }

  /** The ring with other points for some members; 0 takes a member off. */
  patched(changes: ReadonlyMap<MemberId, number>): PlacementRing {
    const name = [...changes].map(([member, points]) => `${member}:${points}`).join(' ')
    const known = this.#patches.find((patch) => patch.name === name)
    if (known !== undefined) return known.ring
    const added = [...changes.keys()]
      .filter((member) => (changes.get(member) ?? 0) > 0)
      .sort(compareText)
    const { members, renamed, indices } = renumber(this.members, added, changes)
    const points = added.flatMap((member, i) =>
      packedPoints(member, changes.get(member) ?? 0, indices[i] ?? 0),
    )
    const fresh = Float64Array.from(points).sort()
    const ring = new PlacementRing(members, this.#merged(renamed, fresh))
    this.#patches = [{ name, ring }, ...this.#patches.slice(0, patchesRemembered - 1)]
    return ring
  }

  /** The first member clockwise from the key. */
  head(key: number): MemberId | undefined {
    return this.members[this.owners[this.positionOf(key)] ?? -1]
  }

  /** Distinct members clockwise from the key. */
  *walk(key: number): Generator<MemberId, void, void> {
    const owners = this.owners
    const start = this.positionOf(key)
    const met = new Set<number>()
    for (let step = 0; met.size < this.members.length; step++) {
      const owner = owners[(start + step) % owners.length]!
      if (met.has(owner)) continue
      met.add(owner)
      yield this.members[owner]!
    }
  }

  /** Begins a walk over `owners` from `positionOf` its key, by a loop that must be fast. One at a time. */
  beginVisit(): Visit {
    this.#metIn ??= new Uint8Array(this.members.length)
    this.#visits = (this.#visits % 255) + 1
    if (this.#visits === 1) this.#metIn.fill(0)
    return { metIn: this.#metIn, visit: this.#visits }
  }

  /** The member's place in `members`; -1 where it is none. */
  indexOf(member: MemberId): number {
    const { members } = this
    let low = 0
    let high = members.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (members[middle]! < member) low = middle + 1
      else high = middle
    }
    return members[low] === member ? low : -1
  }

  ringOrder(key: number): readonly MemberId[] {
    return [...this.walk(key)]
  }

  /** The position of the first point at or after the key; past the last comes the first. */
  positionOf(key: number): number {
    const { hashes } = this
    let i = this.#prefix[key >>> this.#prefixShift]!
    while (i < hashes.length && hashes[i]! < key) i++
    return i === hashes.length ? 0 : i
  }

  /** Our points under new indices, without those of members renamed to -1, and the fresh ones between them. */
  #merged(renamed: Int32Array, fresh: Float64Array): Points {
    const length = this.hashes.length + fresh.length
    const hashes = new Uint32Array(length)
    const owners = new Uint32Array(length)
    let next = 0
    let at = 0
    const take = (packed: number): void => {
      hashes[at] = Math.floor(packed / ownersMax)
      owners[at++] = packed % ownersMax
    }
    for (let i = 0; i < this.hashes.length; i++) {
      const owner = renamed[this.owners[i]!]!
      if (owner < 0) continue
      const hash = this.hashes[i]!
      while (next < fresh.length && fresh[next]! < hash * ownersMax + owner) take(fresh[next++]!)
      hashes[at] = hash
      owners[at++] = owner
    }
    while (next < fresh.length) take(fresh[next++]!)
    return { hashes: hashes.subarray(0, at), owners: owners.subarray(0, at) }
  }
}

interface Renumbered {
  /** Sorted. */
  readonly members: readonly MemberId[]
  /** By the old index the new one, or -1. */
  readonly renamed: Int32Array
  /** The indices of the added ones. */
  readonly indices: readonly number[]
}

/** A merge of two sorted lists, in which a changed member of the old one gives way. */
function renumber(
  old: readonly MemberId[],
  added: readonly MemberId[],
  changes: ReadonlyMap<MemberId, number>,
): Renumbered {
  const members: MemberId[] = []
  const renamed = new Int32Array(old.length).fill(-1)
  const indices: number[] = []
  for (let i = 0, j = 0; i < old.length || j < added.length; ) {
    const isNew = i === old.length || (j < added.length && added[j]! <= old[i]!)
    if (isNew) {
      indices.push(members.length)
      members.push(added[j++]!)
    } else {
      if (!changes.has(old[i]!)) renamed[i] = members.push(old[i]!) - 1
      i++
    }
  }
  return { members, renamed, indices }
}

function packedPoints(member: MemberId, count: number, index: number): number[] {
  return pointsAt(member, count).map(({ hash }) => hash * ownersMax + index)
}

function prefixIndex(hashes: Uint32Array, bits: number): Uint32Array {
  const size = 2 ** bits
  const index = new Uint32Array(size + 1)
  let position = 0
  for (let prefix = 0; prefix <= size; prefix++) {
    while (position < hashes.length && hashes[position]! >>> (32 - bits) < prefix) position++
    index[prefix] = position
  }
  return index
}
