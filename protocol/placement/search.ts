/**
 * The steward's search for a slot: the rule of `findCandidates` as a loop over numbers. Each member on the walk is
 * held against what it has free; only where a constraint, a wish or a GPU asks for more than numbers do the plain
 * rules (feasibility.ts, score.ts) judge it, and the result is always theirs. Reasons are not looked for here:
 * whoever wants to know them asks the plain rules, and for a slot that finds its place nobody does.
 */
import type { MemberId } from '../base/id.ts'
import type { Breadth, Scored } from './candidates.ts'
import type { Wish } from './feasibility.ts'
import type { PlacementRing, Visit } from './placement-ring.ts'
import { noResources, type Resources } from './resources.ts'
import { fitOfLeft, idleDevices } from './score.ts'
import { column, fact, factsWanted, rowMax, type Vacancies } from './vacancies.ts'

export interface SearchInit {
  readonly ring: PlacementRing
  readonly key: number
  readonly vacancies: Vacancies
  readonly wish: Wish
  readonly breadth: Breadth
  /** Who is not to be asked now; undefined for nobody. */
  readonly skips: ((member: MemberId) => boolean) | undefined
  /** What requests under way hold of a member. */
  readonly reserved: (member: MemberId) => Resources
  /** What a member's score has beside the fit, for a slot that has only needs. */
  readonly burden: (member: MemberId) => number
  /** The plain rules: the score, or undefined where the member cannot take the slot. */
  readonly judge: (member: MemberId) => number | undefined
}

export class Search {
  /** Members looked at. */
  seen = 0
  readonly #init: SearchInit
  readonly #wanted: number
  readonly #hasOthers: boolean
  /** In the order of the walk: ring indices and their scores. */
  readonly #found: number[] = []
  readonly #scores: number[] = []

  constructor(init: SearchInit) {
    const { ring, key, vacancies } = init
    this.#init = init
    this.#wanted = factsWanted(init.wish)
    this.#hasOthers = !hasOnlyNeeds(init.wish)
    vacancies.follow(ring)
    this.#walk(ring.positionOf(key), ring.beginVisit())
  }

  get isEmpty(): boolean {
    return this.#found.length === 0
  }

  best(): MemberId | undefined {
    return this.#init.ring.members[this.bestIndex()]
  }

  /** Its place on the ring; -1 for nobody. */
  bestIndex(): number {
    const scores = this.#scores
    let best = 0
    for (let i = 1; i < scores.length; i++) if (this.#compare(i, best) < 0) best = i
    return this.#found[best] ?? -1
  }

  /** Best first. */
  ranked(): Scored[] {
    const order = [...this.#found.keys()].sort((a, b) => this.#compare(a, b))
    const { members } = this.#init.ring
    return order.map((i) => ({ member: members[this.#found[i]!]!, score: this.#scores[i]! }))
  }

  /** Members are sorted on the ring, so of equal scores the lower index has the lower name. */
  #compare(a: number, b: number): number {
    return this.#scores[a]! - this.#scores[b]! || this.#found[a]! - this.#found[b]!
  }

  /** Some fifty members a slot while a cluster fills: nothing is made or called for those that have no room. */
  #walk(start: number, { metIn, visit }: Visit): void {
    const { ring, vacancies, wish, skips, breadth } = this.#init
    const { owners, members } = ring
    const { rows, stride } = vacancies
    const { candidates, candidatesSpilled } = breadth
    const cpu = Math.min(wish.need.cpu, rowMax)
    const memory = Math.min(wish.need.memory, rowMax)
    const found = this.#found
    let seen = 0
    for (let left = owners.length, at = start; left > 0; left--) {
      const index = owners[at]!
      at = at + 1 === owners.length ? 0 : at + 1
      if (metIn[index] === visit) continue
      metIn[index] = visit
      seen++
      const row = index * stride
      if (stride === 0) vacancies.read(index)
      const isSkipped = skips?.(members[index]!)
      // One branch for both: which of them is short cannot be foreseen. An unread row has room for all.
      const left = (rows[row + column.cpu]! - cpu) | (rows[row + column.memory]! - memory)
      if (left >= 0 && !isSkipped) this.#consider(index, row)
      if (found.length >= candidates || (found.length > 0 && seen >= candidatesSpilled)) break
    }
    this.seen = seen
  }

  /** It has the CPU and the memory, as far as its row says. */
  #consider(index: number, row: number): void {
    const { ring, vacancies, wish, reserved, burden, judge } = this.#init
    const { rows } = vacancies
    const { need } = wish
    if (rows[row + column.facts] === 0) vacancies.read(index)
    const cpu = rows[row + column.cpu]! - need.cpu
    const memory = rows[row + column.memory]! - need.memory
    const gpu = rows[row + column.gpu]! - need.gpu
    const facts = rows[row + column.facts]!
    if ((facts & this.#wanted) !== this.#wanted) return
    const member = ring.members[index]!
    let score: number | undefined
    if (this.#hasOthers || (facts & fact.isSpecial) !== 0 || reserved(member) !== noResources)
      score = judge(member)
    else if (cpu >= 0 && memory >= 0 && rows[row + column.disk]! >= need.disk && gpu >= 0) {
      const idle = need.gpu === 0 && gpu > 0 ? idleDevices : 0
      const cpuCapacity = rows[row + column.cpuCapacity]!
      const memoryCapacity = rows[row + column.memoryCapacity]!
      score = fitOfLeft(cpu, cpuCapacity, memory, memoryCapacity) + idle + burden(member)
    }
    if (score === undefined) return
    this.#found.push(index)
    this.#scores.push(score)
  }
}

/** Constraints forbid nothing, the score is the fit and the burden, and rows can say whether the needs are met. */
function hasOnlyNeeds({ spec, need, gpuKinds }: Wish): boolean {
  const { constraints, spread, affinities } = spec
  const others = constraints.length + spread.length + affinities.length + gpuKinds.length
  return others === 0 && Math.max(need.cpu, need.memory, need.disk, need.gpu) <= rowMax
}
