/**
 * Who is present, for thousands of members that mostly agree. The probe rings are over all members that ever
 * were, once for the whole simulation; a member that somebody does not hold for present is passed over when that
 * somebody asks. So a view costs one shared map, and an answer a step or two. Tested to answer as the agent's
 * own rings do (protocol/membership/ring.ts), which hold the present members only and move memory when one goes.
 */
import { hashText } from '../protocol/base/hash.ts'
import { compareText, type MemberId } from '../protocol/base/id.ts'
import type { Config } from '../protocol/config.ts'
import type { CoreInit } from '../protocol/core.ts'
import { type Presence, ringCount } from '../protocol/membership/ring.ts'
import { type SharedMap, SharedMaps } from './shared-map.ts'

/** Sorted lists that are kept: a list of 100,000 takes 0.8 MB, and few versions are asked for at a time. */
const listsKept = 32

/** What cores that know the same have together. */
export interface Shared {
  readonly maps: SharedMaps
  readonly circles: Circles
}

export function share({ ringsMin, ringsMax }: Config): Shared {
  const maps = new SharedMaps()
  return { maps, circles: new Circles(maps, { min: ringsMin, max: ringsMax }) }
}

/** As a core is given it. */
export function partsOf(shared: Shared | undefined): Pick<CoreInit, 'maps' | 'membership'> {
  if (shared === undefined) return {}
  const { maps, circles } = shared
  return { maps, membership: { presence: () => circles.view() } }
}

/** What all views share. */
export class Circles {
  readonly min: number
  readonly max: number
  readonly #maps: SharedMaps
  readonly #circles: Circle[]
  #lists: { readonly identity: object; readonly list: readonly MemberId[] }[] = []

  constructor(maps: SharedMaps, { min, max }: { min: number; max: number }) {
    this.#maps = maps
    this.min = min
    this.max = max
    this.#circles = Array.from({ length: max }, (_, i) => new Circle(Math.imul(i + 1, 0x9e3779b1)))
  }

  /** One member's view, empty. */
  view(): SharedPresence {
    return new SharedPresence(this, this.#maps.create<true>('presence'))
  }

  copy(map: SharedMap<true>): SharedMap<true> {
    return this.#maps.copy(map)
  }

  circle(i: number): Circle {
    return this.#circles[i]!
  }

  admit(member: MemberId): void {
    if (this.#circles[0]!.has(member)) return
    for (const circle of this.#circles) circle.add(member)
  }

  listOf(map: SharedMap<true>): readonly MemberId[] {
    const held = this.#lists.find(({ identity }) => identity === map.identity)
    if (held !== undefined) return held.list
    const list = [...map.keys()].sort(compareText)
    this.#lists = [{ identity: map.identity, list }, ...this.#lists.slice(0, listsKept - 1)]
    return list
  }
}

export class SharedPresence implements Presence {
  readonly #shared: Circles
  #members: SharedMap<true>
  #list: readonly MemberId[] | undefined

  constructor(shared: Circles, members: SharedMap<true>) {
    this.#shared = shared
    this.#members = members
  }

  get size(): number {
    return this.#members.size
  }

  has(member: MemberId): boolean {
    return this.#members.has(member)
  }

  add(member: MemberId): void {
    this.#shared.admit(member)
    this.#members.set(member, true)
    this.#list = undefined
  }

  remove(member: MemberId): void {
    this.#members.delete(member)
    this.#list = undefined
  }

  list(): readonly MemberId[] {
    this.#list ??= this.#shared.listOf(this.#members)
    return this.#list
  }

  adopt(other: Presence): void {
    this.#members = this.#shared.copy((other as SharedPresence).#members)
    this.#list = undefined
  }

  subjects(member: MemberId): MemberId[] {
    return this.#around(member, 1)
  }

  observers(member: MemberId): MemberId[] {
    return [...new Set(this.#around(member, -1))]
  }

  #around(member: MemberId, step: 1 | -1): MemberId[] {
    const { min, max } = this.#shared
    if (!this.#members.has(member)) return []
    if (this.size <= max + 1) return this.#allFrom(member, step)
    const rings = ringCount(this.size, min, max)
    return Array.from({ length: rings }, (_, i) => this.#neighbour(i, member, step))
  }

  #neighbour(ring: number, member: MemberId, step: 1 | -1): MemberId {
    const circle = this.#shared.circle(ring)
    let other = circle.neighbour(member, step)
    while (!this.#members.has(other)) other = circle.neighbour(other, step)
    return other
  }

  #allFrom(member: MemberId, step: 1 | -1): MemberId[] {
    const found: MemberId[] = []
    let other = this.#neighbour(0, member, step)
    for (; other !== member; other = this.#neighbour(0, other, step)) found.push(other)
    return found
  }
}

/** A circle of all members, sorted when it is asked after new ones have come. */
class Circle {
  readonly #salt: number
  readonly #hashes = new Map<MemberId, number>()
  #order: MemberId[] = []
  #positions = new Map<MemberId, number>()
  #isSorted = true

  constructor(salt: number) {
    this.#salt = salt
  }

  has(member: MemberId): boolean {
    return this.#hashes.has(member)
  }

  add(member: MemberId): void {
    this.#hashes.set(member, hashText(member, this.#salt))
    this.#order.push(member)
    this.#isSorted = false
  }

  neighbour(member: MemberId, step: 1 | -1): MemberId {
    if (!this.#isSorted) this.#sort()
    const length = this.#order.length
    return this.#order[(this.#positions.get(member)! + step + length) % length]!
  }

  #sort(): void {
    const hashes = this.#hashes
    this.#order.sort((a, b) => hashes.get(a)! - hashes.get(b)! || compareText(a, b))
    this.#positions = new Map(this.#order.map((member, i) => [member, i]))
    this.#isSorted = true
  }
}
