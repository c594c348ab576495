/**
 * Jobs with slots that fit nowhere, grouped by what a slot asks for (its shape). When one shape has been
 * refused by everyone, all jobs of that shape wait without another walk through the cluster; and when a
 * member has more room than before, it is held against each shape once, not against each job. So 10,000
 * waiting jobs of a few shapes cost next to nothing, and the first to be tried is the one with the highest
 * priority, then the oldest.
 */

import { compareText, type JobId, type MemberId } from '../base/id.ts'
import { lowerBound } from '../base/list.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Wish } from './feasibility.ts'
import type { Job } from './inventory.ts'

interface Shape {
  wish: Wish
  /** Why nobody takes it; undefined when it may be tried. */
  refusedBecause: string | undefined
  /** By priority, then age. */
  readonly jobs: Job[]
}

/** Tried at once when a shape may fit again; the others follow one by one as these find their seats. */
const headsTried = 8

export class WaitingRoom {
  readonly #shapes = new SparseMap<string, Shape>()
  readonly #shapeOf = new SparseMap<JobId, string>()

  get isEmpty(): boolean {
    return this.#shapes.size === 0
  }

  /** Why a slot like this fits nowhere, as far as is known; undefined when it is worth a try. */
  refusalOf(shape: string): string | undefined {
    return this.#shapes.get(shape)?.refusedBecause
  }

  /** `reason` of a refusal by everyone; undefined when only some could not be asked just now. */
  enter(job: Job, wish: Wish, reason: string | undefined): void {
    const name = shapeOf(job, wish)
    this.#take(job.id)
    let shape = this.#shapes.get(name)
    if (shape === undefined) {
      shape = { wish, refusedBecause: undefined, jobs: [] }
      this.#shapes.set(name, shape)
    }
    shape.wish = wish
    if (reason !== undefined) shape.refusedBecause = reason
    insert(shape.jobs, job)
    this.#shapeOf.set(job.id, name)
  }

  /** The job waits no more. The next of its shape is told to try, if the shape is not refused. */
  leave(job: JobId): JobId | undefined {
    const shape = this.#take(job)
    return shape?.refusedBecause === undefined ? shape?.jobs[0]?.id : undefined
  }

  has(job: JobId): boolean {
    return this.#shapeOf.has(job)
  }

  /** The member has room: the first jobs of the shapes that it could take. */
  onRisen(member: MemberId, fits: (wish: Wish, member: MemberId) => boolean): JobId[] {
    return [...this.#shapes.values()].flatMap((shape) =>
      fits(shape.wish, member) ? heads(shape) : [],
    )
  }

  /** All shapes may be tried again: in case that a change went unnoticed. */
  reopen(): JobId[] {
    return [...this.#shapes.values()].flatMap(heads)
  }

  #take(job: JobId): Shape | undefined {
    const name = this.#shapeOf.get(job)
    const shape = name === undefined ? undefined : this.#shapes.get(name)
    if (name === undefined || shape === undefined) return undefined
    this.#shapeOf.delete(job)
    // By its id: the job may have another priority by now.
    const at = shape.jobs.findIndex((each) => each.id === job)
    shape.jobs.splice(at, 1)
    if (shape.jobs.length === 0) this.#shapes.delete(name)
    return shape
  }
}

function heads(shape: Shape): JobId[] {
  shape.refusedBecause = undefined
  return shape.jobs.slice(0, headsTried).map((job) => job.id)
}

export function byUrgency(jobs: Job[]): JobId[] {
  return jobs.sort(compareUrgency).map((job) => job.id)
}

/** By priority, then age. */
function compareUrgency(a: Job, b: Job): number {
  return (
    b.spec.priority - a.spec.priority || a.createdStamp - b.createdStamp || compareText(a.id, b.id)
  )
}

function insert(jobs: Job[], job: Job): void {
  const at = lowerBound(jobs, (each) => compareUrgency(each, job) < 0)
  jobs.splice(at, 0, job)
}

/** Constraints that count the job's own slots make its shape its own. */
const countingOperators = new Set(['unique', 'cluster', 'group-by', 'max-per'])

/** Names what a slot of the job asks for. */
export function shapeOf({ id, spec }: Job, { need, runtimes }: Wish): string {
  const isOwn = spec.constraints.some(({ operator }) => countingOperators.has(operator))
  const rules = spec.constraints.map((each) => [each.attribute, each.operator, each.value ?? ''])
  return JSON.stringify([
    [need.cpu, need.memory, need.disk, need.gpu],
    runtimes,
    rules,
    isOwn ? id : '',
  ])
}
