/**
 * Which jobs this member is the steward of: those whose hash falls on its arcs of the placement ring. Jobs
 * are kept in the order of their hashes, so a change of the membership touches only the jobs on the arcs that
 * moved, never all of them.
 *
 * Suspect members keep their arcs: most suspicions are refuted, and jobs that change hands twice a
 * suspicion would cost more than a steward that is missed for two seconds.
 */

import { type BigMap, type BigMaps, plainMaps } from '../base/big-map.ts'
import { compareText, type JobId, type MemberId } from '../base/id.ts'
import { inserted, lowerBound, removed } from '../base/list.ts'
import { remembered } from '../base/remembered.ts'
import { SparseSet } from '../base/sparse.ts'
import { AmendedRing } from './amended-ring.ts'
import { type Arc, keyOfJob, PlacementRing, pointsOf } from './placement-ring.ts'
import type { Resources } from './resources.ts'

interface Hashed {
  readonly key: number
  readonly job: JobId
}

/** With more members changed at once, a look at every job is cheaper. */
const amendedMax = 16

export class Stewardship {
  readonly #self: MemberId
  #ring = new AmendedRing(PlacementRing.empty)
  readonly #maps: BigMaps
  #points: BigMap<number>
  #jobs: Hashed[] = []
  /** Others hold the same list: it is replaced, not changed. Never in an agent, which has no others. */
  #isShared = false
  readonly #mine = new SparseSet<JobId>()

  constructor(self: MemberId, maps: BigMaps = plainMaps) {
    this.#self = self
    this.#maps = maps
    this.#points = maps.create<number>('members')
  }

  /** Begins with the members and the jobs of another. Returns the jobs that are ours. */
  adopt(other: Stewardship): JobId[] {
    this.#ring = new AmendedRing(other.ring)
    this.#points = this.#maps.copy(other.#points)
    this.#jobs = other.#jobs
    this.#isShared = true
    other.#isShared = true
    return this.#reclaim(this.#jobs).gained
  }

  /** As a whole, for walks. */
  get ring(): PlacementRing {
    return this.#ring.whole()
  }

  isMine(job: JobId): boolean {
    return this.#mine.has(job)
  }

  stewardOf(job: JobId): MemberId | undefined {
    return this.#ring.head(keyOfJob(job))
  }

  hasJob(job: JobId): boolean {
    return this.#jobs[positionOf(this.#jobs, { key: keyOfJob(job), job })]?.job === job
  }

  /** True if it is ours. */
  addJob(job: JobId): boolean {
    const hashed = { key: keyOfJob(job), job }
    const at = positionOf(this.#jobs, hashed)
    if (this.#jobs[at]?.job !== job) this.#change(at, hashed)
    return this.#claim(job)
  }

  removeJob(job: JobId): void {
    const at = positionOf(this.#jobs, { key: keyOfJob(job), job })
    if (this.#jobs[at]?.job === job) this.#change(at, undefined)
    this.#mine.delete(job)
  }

  /**
   * Members that came, went (undefined), or have another capacity. Returns the jobs that changed hands to or
   * from us.
   */
  setMembers(changes: ReadonlyMap<MemberId, Resources | 'unknown' | undefined>): {
    gained: JobId[]
    lost: JobId[]
  } {
    const points = new Map<MemberId, number>()
    for (const [member, capacity] of changes) {
      const wanted =
        capacity === undefined ? 0 : pointsOf(capacity === 'unknown' ? undefined : capacity)
      if (wanted !== this.#pointsOf(member)) points.set(member, wanted)
    }
    if (points.size === 0) return { gained: [], lost: [] }
    if (points.size > amendedMax) {
      this.#ring.amendAll(points)
      for (const [member, count] of points) this.#note(member, count)
      return this.#reclaim(this.#jobs)
    }
    const before = [...points.keys()].map((member) => this.#arcsOf(member))
    for (const [member, count] of points) this.#amend(member, count)
    const moved = [...points.keys()].flatMap((member, i) => [
      ...before[i]!,
      ...this.#arcsOf(member),
    ])
    return this.#reclaim(jobsOn(moved, this.#jobs))
  }

  /** Members went on whose arcs no job was ours, nor is now. */
  bury(members: readonly MemberId[]): void {
    for (const member of members) if (this.has(member)) this.#amend(member, 0)
  }

  has(member: MemberId): boolean {
    return this.#points.has(member)
  }

  /** Who is the steward of one of these jobs, or of one that was the member's, once that and those `gone` are not there. */
  heirsOf(member: MemberId, gone: readonly MemberId[], jobs: readonly JobId[]): Set<MemberId> {
    const ring = this.#ring.copy()
    for (const each of gone) ring.amend(each, this.#pointsOf(each), 0)
    const points = this.#pointsOf(member)
    const keys = jobsOn(ring.arcsOf(member, points), this.#jobs)
      .map(({ key }) => key)
      .concat(jobs.map(keyOfJob))
    ring.amend(member, points, 0)
    return new Set(keys.flatMap((key) => ring.head(key) ?? []))
  }

  #pointsOf(member: MemberId): number {
    return this.#points.get(member) ?? 0
  }

  #amend(member: MemberId, points: number): void {
    this.#ring.amend(member, this.#pointsOf(member), points)
    this.#note(member, points)
  }

  #note(member: MemberId, points: number): void {
    if (points > 0) this.#points.set(member, points)
    else this.#points.delete(member)
  }

  #arcsOf(member: MemberId): Arc[] {
    return this.#ring.arcsOf(member, this.#pointsOf(member))
  }

  #change(at: number, hashed: Hashed | undefined): void {
    if (this.#isShared) this.#jobs = changed(this.#jobs, at, hashed?.job)
    else if (hashed === undefined) this.#jobs.splice(at, 1)
    else this.#jobs.splice(at, 0, hashed)
  }

  #reclaim(jobs: Iterable<Hashed>): { gained: JobId[]; lost: JobId[] } {
    const gained: JobId[] = []
    const lost: JobId[] = []
    for (const { job } of jobs) {
      const was = this.#mine.has(job)
      const is = this.#claim(job)
      if (is && !was) gained.push(job)
      if (was && !is) lost.push(job)
    }
    return { gained, lost }
  }

  #claim(job: JobId): boolean {
    const isMine = this.stewardOf(job) === this.#self
    if (isMine) this.#mine.add(job)
    else this.#mine.delete(job)
    return isMine
  }
}

function positionOf(jobs: readonly Hashed[], { key, job }: Hashed): number {
  return lowerBound(jobs, (at) => at.key < key || (at.key === key && compareText(at.job, job) < 0))
}

function jobsOn(arcs: readonly Arc[], jobs: readonly Hashed[]): readonly Hashed[] {
  return arcs.flatMap(({ after, upTo }) => {
    if (after < upTo) return jobsBetween(jobs, after, upTo)
    return [...jobsBetween(jobs, after, 0xffffffff), ...jobsBetween(jobs, -1, upTo)]
  })
}

/** Jobs with keys of (after, upTo]. */
function jobsBetween(jobs: readonly Hashed[], after: number, upTo: number): readonly Hashed[] {
  const from = positionOf(jobs, { key: after + 1, job: '' })
  const to = positionOf(jobs, { key: upTo + 1, job: '' })
  return jobs.slice(from, to)
}

/** The list with another one inserted, or without the one that is there. */
const changed = remembered((jobs: readonly Hashed[], at: number, job: JobId | undefined) =>
  job === undefined ? removed(jobs, at) : inserted(jobs, at, { key: keyOfJob(job), job }),
)
