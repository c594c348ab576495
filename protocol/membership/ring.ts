/**
 * The probe rings of Rapid (Suresh et al., USENIX ATC 2018): the present members in K pseudo-random circles. Each
 * observes its successor in every circle, so each has K observers and K subjects, and the links make an expander
 * however large the cluster is. Everyone computes the same rings from the same members.
 *
 * In a small cluster the successors on several circles are often the same member: of four members one in ten
 * would have a single observer, whose one bad link could take it down. There everyone observes everyone; it
 * costs nothing more, since a member probes one subject at a time.
 *
 * Subjects are in the order of the circles (a small cluster: of the first circle, from the member on), and who
 * follows on two of them is there twice. Where all take the same turn at the same time, each member is then probed
 * exactly once a turn.
 */
import { hashText } from '../base/hash.ts'
import { compareText, type MemberId } from '../base/id.ts'
import { clamp, log2Ceil } from '../base/integer.ts'

export function ringCount(members: number, min: number, max: number): number {
  return clamp(log2Ceil(Math.max(1, members)), min, max)
}

/** The members that are present, and the rings on which they sit. */
export interface Presence {
  readonly size: number
  has(member: MemberId): boolean
  add(member: MemberId): void
  remove(member: MemberId): void
  /** Sorted; the same array until it changes. */
  list(): readonly MemberId[]
  /** Whom the member probes, in the order of the circles: who follows on two of them is there twice. */
  subjects(member: MemberId): MemberId[]
  /** Who probes the member, in the order of the circles, each once. */
  observers(member: MemberId): MemberId[]
  /** Begins with what another holds. */
  adopt(other: Presence): void
}

interface Place {
  readonly hash: number
  readonly member: MemberId
}

/** One circle: a sorted list with binary search. A change moves memory, it does not sort again. */
class Circle {
  readonly #salt: number
  readonly #places: Place[] = []

  constructor(salt: number) {
    this.#salt = salt
  }

  add(member: MemberId): void {
    const place = this.#placeOf(member)
    this.#places.splice(this.#indexOf(place), 0, place)
  }

  remove(member: MemberId): void {
    this.#places.splice(this.#indexOf(this.#placeOf(member)), 1)
  }

  /** The next one, `step` 1, or the one before, `step` −1. */
  neighbour(member: MemberId, step: 1 | -1): MemberId {
    const length = this.#places.length
    const at = this.#indexOf(this.#placeOf(member))
    return this.#places[(at + step + length) % length]!.member
  }

  #placeOf(member: MemberId): Place {
    return { hash: hashText(member, this.#salt), member }
  }

  #indexOf(place: Place): number {
    let low = 0
    let high = this.#places.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (comparePlaces(this.#places[middle]!, place) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function comparePlaces(a: Place, b: Place): number {
  return a.hash - b.hash || compareText(a.member, b.member)
}

export class ProbeRings implements Presence {
  readonly #min: number
  readonly #circles: Circle[]
  readonly #members = new Set<MemberId>()
  #list: readonly MemberId[] | undefined

  constructor(min: number, max: number) {
    this.#min = min
    this.#circles = Array.from({ length: max }, (_, i) => new Circle(Math.imul(i + 1, 0x9e3779b1)))
  }

  get size(): number {
    return this.#members.size
  }

  has(member: MemberId): boolean {
    return this.#members.has(member)
  }

  add(member: MemberId): void {
    if (this.#members.has(member)) return
    this.#members.add(member)
    this.#list = undefined
    for (const circle of this.#circles) circle.add(member)
  }

  remove(member: MemberId): void {
    if (!this.#members.delete(member)) return
    this.#list = undefined
    for (const circle of this.#circles) circle.remove(member)
  }

  list(): readonly MemberId[] {
    this.#list ??= [...this.#members].sort(compareText)
    return this.#list
  }

  adopt(other: Presence): void {
    for (const member of other.list()) this.add(member)
  }

  subjects(member: MemberId): MemberId[] {
    return this.#around(member, 1)
  }

  observers(member: MemberId): MemberId[] {
    return [...new Set(this.#around(member, -1))]
  }

  #around(member: MemberId, step: 1 | -1): MemberId[] {
    if (!this.#members.has(member)) return []
    if (this.#members.size <= this.#circles.length + 1) return this.#allFrom(member, step)
    const rings = ringCount(this.#members.size, this.#min, this.#circles.length)
    const circles = this.#circles.slice(0, rings)
    return circles.map((circle) => circle.neighbour(member, step))
  }

  #allFrom(member: MemberId, step: 1 | -1): MemberId[] {
    const circle = this.#circles[0]!
    const found: MemberId[] = []
    let other = circle.neighbour(member, step)
    for (; other !== member; other = circle.neighbour(other, step)) found.push(other)
    return found
  }
}
