/**
 * A placement ring with some members' points changed on top. To work a change into a ring copies all of it, some ms
 * at 10,000 members, and of a rack that starts again each member hears in an order of its own; who is the steward of
 * a job is found without: the nearer one of the ring's own points and of those on top. Who walks on the ring, to place
 * something, has it made whole.
 */
import { compareText, type MemberId } from '../base/id.ts'
import { lowerBound } from '../base/list.ts'
import { SparseMap } from '../base/sparse.ts'
import { limits } from '../limits.ts'
import { type Arc, type PlacementRing, type Point, pointsAt } from './placement-ring.ts'

export class AmendedRing {
  #base: PlacementRing
  /** How many points they had in the base, and have. None of those in the base counts. */
  readonly #amended = new SparseMap<MemberId, { readonly was: number; readonly is: number }>()
  /** Those that the amended have; sorted by (hash, member). */
  #points: readonly Point[] = []
  /** Until the next change. */
  #whole: PlacementRing | undefined

  constructor(base: PlacementRing) {
    this.#base = base
  }

  copy(): AmendedRing {
    const copy = new AmendedRing(this.#base)
    for (const [member, points] of this.#amended) copy.#amended.set(member, points)
    copy.#points = this.#points
    copy.#whole = this.#whole
    return copy
  }

  /** With all changes worked in. Those that made the same ones to the same ring share it. */
  whole(): PlacementRing {
    if (this.#amended.size === 0) return this.#base
    if (this.#whole === undefined) {
      const sorted = [...this.#amended].sort(([a], [b]) => compareText(a, b))
      this.#whole = this.#base.patched(new Map(sorted.map(([member, { is }]) => [member, is])))
    }
    return this.#whole
  }

  /** The member has other points than it had; 0 takes it off. */
  amend(member: MemberId, had: number, has: number): void {
    const was = this.#amended.get(member)?.was ?? had
    if (this.#points.length > 0 && had > 0)
      this.#points = this.#points.filter((point) => point.member !== member)
    if (was === has) this.#amended.delete(member)
    else {
      this.#amended.set(member, { was, is: has })
      this.#points = merged(this.#points, pointsAt(member, has))
    }
    this.#whole = undefined
    if (this.#amended.size > this.#most) this.#rebase(this.whole())
  }

  /** The same for many at once. */
  amendAll(points: ReadonlyMap<MemberId, number>): void {
    this.#rebase(this.whole().patched(points))
  }

  /** They are looked at on each look-up, and each takes some hundred bytes. */
  get #most(): number {
    const { ringAmendments, ringMembersPerAmendment } = limits
    return Math.max(ringAmendments, this.#base.members.length / ringMembersPerAmendment)
  }

  #rebase(whole: PlacementRing): void {
    this.#base = whole
    this.#amended.clear()
    this.#points = []
    this.#whole = undefined
  }

  /** The first member clockwise from the key. */
  head(key: number): MemberId | undefined {
    if (this.#amended.size === 0) return this.#base.head(key)
    const standing = this.#standing(this.#base.positionOf(key), 1)
    const added = this.#points[positionOf(this.#points, key)] ?? this.#points[0]
    if (standing === undefined || added === undefined) return (standing ?? added)?.member
    const nearer =
      ((added.hash - key) >>> 0) - ((standing.hash - key) >>> 0) ||
      compareText(added.member, standing.member)
    return nearer < 0 ? added.member : standing.member
  }

  /** The arcs whose head is the member, which has that many points here. */
  arcsOf(member: MemberId, points: number): Arc[] {
    return pointsAt(member, points).map(({ hash }) => ({ after: this.#before(hash), upTo: hash }))
  }

  /** The last hash before this one, counter-clockwise; itself where there is no other. */
  #before(hash: number): number {
    const standing = this.#standing(this.#base.positionOf(hash) - 1, -1)
    const added = this.#points.at(positionOf(this.#points, hash) - 1)
    if (standing === undefined || added === undefined) return (standing ?? added)?.hash ?? hash
    const isNearer = (hash - 1 - added.hash) >>> 0 < (hash - 1 - standing.hash) >>> 0
    return isNearer ? added.hash : standing.hash
  }

  /** The next point of the base of a member that is not amended, from a position on. */
  #standing(position: number, step: 1 | -1): Point | undefined {
    const { hashes, owners, members } = this.#base
    for (let passed = 0; passed < hashes.length; passed++) {
      const at = (position + step * passed + 2 * hashes.length) % hashes.length
      const member = members[owners[at]!]!
      if (!this.#amended.has(member)) return { hash: hashes[at]!, member }
    }
    return undefined
  }
}

/** The first that is not before the hash. */
function positionOf(points: readonly Point[], hash: number): number {
  return lowerBound(points, (point) => point.hash < hash)
}

function merged(points: readonly Point[], more: readonly Point[]): readonly Point[] {
  if (more.length === 0) return points
  return [...points, ...more].sort((a, b) => a.hash - b.hash || compareText(a.member, b.member))
}
