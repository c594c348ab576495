/**
 * The replicated records, indexed the way placement asks for them: by job, by member, by allocation. Kept
 * up to date key by key, because a scan of 100,000 records in each step would cost more than all the rest.
 *
 * Invariant: the index is a function of the records alone, whatever the order in which they came; only
 * `createdStamp` of a job remembers more (the first version that was seen here), and it decides nothing but
 * the order of waiting. Arrays that are handed out are valid until the next `refresh`.
 */

import { type BigMap, type BigMaps, plainMaps } from '../base/big-map.ts'
import { hashText, hex32 } from '../base/hash.ts'
import {
  type AllocationId,
  compareText,
  type JobId,
  type MemberId,
  type Stamp,
} from '../base/id.ts'
import { remembered } from '../base/remembered.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import { type AllocationBody, isEnded } from './allocation.ts'
import { essenceOf } from './essence.ts'
import type { GpuKind } from './fragmentation.ts'
import { GpuDemand } from './gpu-demand.ts'
import type { JobSpec } from './job.ts'
import type { NodeBody } from './node-body.ts'
import { parseAllocation, parseCount, parseDrain, parseJobBody, parseNode } from './parse.ts'
import { compareByJob, comparePlaced, replaced } from './placed-list.ts'
import { exchanged, noResources, type Resources, shortage } from './resources.ts'
import type { World, Written } from './world.ts'

export interface Job {
  readonly id: JobId
  readonly version: string
  readonly generation: number
  readonly count: number
  readonly spec: JobSpec
  /** Of the spec's record. */
  readonly stamp: Stamp
  readonly createdStamp: Stamp
  /** What runs in a slot, as far as a change of it needs another allocation. */
  readonly essence: string
  /** When it was submitted first, or again after a deletion. */
  readonly born: Stamp
}

/**
 * Whether an allocation does what the job now asks for. An edit of anything but the type, the tasks and the
 * constraints (labels, services, the policies) leaves the allocations in place: their members read it from
 * the job. What was begun for a job of the same name that has been deleted since does nothing for this one.
 * (A list of the versions that are alike was the alternative; it forgets, and then runs everything again.)
 */
export function isCurrent(
  job: Pick<Job, 'essence' | 'born'>,
  { essence, createdStamp }: Pick<AllocationBody, 'essence' | 'createdStamp'>,
): boolean {
  return essence === job.essence && createdStamp > job.born
}

export interface Placed {
  readonly member: MemberId
  /** Of the allocation's record. */
  readonly stamp: Stamp
  readonly body: AllocationBody
}

/** What a refresh touched; each list is sorted. */
export interface InventoryChange {
  /** Whose spec or count changed, came or went. */
  readonly jobs: readonly JobId[]
  /** Whose node body or draining changed. */
  readonly members: readonly MemberId[]
  readonly allocations: readonly AllocationId[]
  /** The jobs of `allocations`. */
  readonly placedJobs: readonly JobId[]
  /** Members that have another amount committed than before; less than before. */
  readonly recounted: readonly MemberId[]
  readonly freed: readonly MemberId[]
  /** What those of `jobs` and `allocations` were; undefined for what was not there. */
  readonly before: {
    readonly jobs: ReadonlyMap<JobId, Job | undefined>
    readonly allocations: ReadonlyMap<AllocationId, Placed | undefined>
  }
}

/** Names one write of a spec: concurrent edits share a generation, never a version. */
export function jobVersion(generation: number, dotAuthor: MemberId, dotCounter: number): string {
  return `${generation}-${hex32(hashText(`${dotAuthor}:${dotCounter}`))}`
}

/** Names one state of a job as a whole: the write of its spec, and that of its count, 0 before the first. */
export function jobRevision(
  version: string,
  count: { readonly author: MemberId; readonly counter: number } | undefined,
): string {
  if (count === undefined) return `${version}+0`
  return `${version}+${hex32(hashText(`${count.author}:${count.counter}`))}`
}

/** Most of it is empty nearly always. */
class Touched {
  /** As they were. */
  readonly jobs = new SparseMap<JobId, Job | undefined>()
  readonly members = new SparseSet<MemberId>()
  readonly allocations = new SparseMap<AllocationId, Placed | undefined>()
  readonly placedJobs = new SparseSet<JobId>()
  readonly recounted = new SparseSet<MemberId>()
  readonly freed = new SparseSet<MemberId>()
}

export class Inventory {
  readonly #world: World
  readonly #maps: BigMaps
  #jobs: BigMap<Job>
  #jobIds: readonly JobId[] | undefined
  #nodes: BigMap<NodeBody>
  #nodeIds: readonly MemberId[] | undefined
  readonly #draining = new SparseSet<MemberId>()
  /** Lists are replaced, not changed: other members' inventories hold the same. */
  #byMember: BigMap<readonly Placed[]>
  #byJob: BigMap<readonly Placed[]>
  #allocationJobs: readonly JobId[] | undefined
  #byId: BigMap<Placed>
  #committed: BigMap<Resources>
  readonly #gpuDemand = new GpuDemand()

  constructor(world: World, maps: BigMaps = plainMaps) {
    this.#world = world
    this.#maps = maps
    this.#jobs = maps.create('jobs')
    this.#nodes = maps.create('members')
    this.#byMember = maps.create('members')
    this.#byJob = maps.create('jobs')
    this.#byId = maps.create('allocations')
    this.#committed = maps.create('members')
  }

  /** Begins with what another inventory holds. */
  adopt(other: Inventory): void {
    this.#jobs = this.#maps.copy(other.#jobs)
    this.#nodes = this.#maps.copy(other.#nodes)
    this.#byMember = this.#maps.copy(other.#byMember)
    this.#byJob = this.#maps.copy(other.#byJob)
    this.#byId = this.#maps.copy(other.#byId)
    this.#committed = this.#maps.copy(other.#committed)
    for (const member of other.#draining) this.#draining.add(member)
    this.#gpuDemand.adopt(other.#gpuDemand)
  }

  refresh(keys: readonly string[]): InventoryChange {
    const touched = new Touched()
    for (const key of keys) this.#refreshKey(key, touched)
    return {
      jobs: idsOf(touched.jobs),
      members: idsOf(touched.members),
      allocations: idsOf(touched.allocations),
      placedJobs: idsOf(touched.placedJobs),
      recounted: idsOf(touched.recounted),
      freed: idsOf(touched.freed),
      before: touched,
    }
  }

  job(id: JobId): Job | undefined {
    return this.#jobs.get(id)
  }

  /** The kinds of GPU slots that the jobs have. */
  gpuKinds(): readonly GpuKind[] {
    return this.#gpuDemand.kinds()
  }

  jobIds(): readonly JobId[] {
    this.#jobIds ??= sorted(this.#jobs.keys())
    return this.#jobIds
  }

  node(member: MemberId): NodeBody | undefined {
    return this.#nodes.get(member)
  }

  nodeIds(): readonly MemberId[] {
    this.#nodeIds ??= sorted(this.#nodes.keys())
    return this.#nodeIds
  }

  isDraining(member: MemberId): boolean {
    return this.#draining.has(member)
  }

  /** Jobs that have allocations, also those that are deleted by now. */
  placedJobIds(): readonly JobId[] {
    return sorted(this.#byJob.keys())
  }

  /** Jobs that have allocations, also those that are no more. */
  allocationJobs(): readonly JobId[] {
    this.#allocationJobs ??= sorted(this.#byJob.keys())
    return this.#allocationJobs
  }

  /** In (slot, created) order, ended ones too. */
  allocationsOf(job: JobId): readonly Placed[] {
    return this.#byJob.get(job) ?? none
  }

  /** In (job, slot, created) order, ended ones too. */
  allocationsOn(member: MemberId): readonly Placed[] {
    return this.#byMember.get(member) ?? none
  }

  allocation(id: AllocationId): Placed | undefined {
    return this.#byId.get(id)
  }

  /** What the member's allocations take that have not ended, by the records that are known here. */
  committed(member: MemberId): Resources {
    return this.#committed.get(member) ?? noResources
  }

  #refreshKey(key: string, touched: Touched): void {
    const written = key.startsWith('alloc/') ? this.#world.read(key) : undefined
    const placed = written && placedOf.get(written)
    if (placed !== undefined) return this.#exchange(placed.member, placed.body.id, placed, touched)
    const [kind, id, rest] = key.split('/')
    if (kind === undefined || id === undefined) return
    if (kind === 'job') this.#refreshJob(id, touched)
    else if (kind === 'node') this.#refreshNode(id, touched)
    else if (kind === 'drain') this.#refreshDrain(id, touched)
    else if (kind === 'alloc' && rest !== undefined)
      this.#exchange(id, rest, readAllocation(id, rest, written), touched)
  }

  #refreshJob(id: JobId, touched: Touched): void {
    const held = this.#jobs.get(id)
    const job = this.#readJob(id, held)
    if (held === undefined && job === undefined) return
    if (job === undefined) this.#jobs.delete(id)
    else this.#jobs.set(id, job)
    if ((held === undefined) !== (job === undefined)) this.#jobIds = undefined
    this.#gpuDemand.note(id, job)
    if (!touched.jobs.has(id)) touched.jobs.set(id, held)
  }

  #readJob(id: JobId, held: Job | undefined): Job | undefined {
    const written = this.#world.read(`job/${id}/spec`)
    if (written === undefined) return undefined
    const counted = this.#world.read(`job/${id}/count`)
    const createdStamp = held?.createdStamp ?? written.stamp
    return jobFrom(written, id, counted, createdStamp)
  }

  #refreshNode(member: MemberId, touched: Touched): void {
    const body = parseNode(this.#world.read(`node/${member}`)?.body ?? null)
    const held = this.#nodes.get(member)
    if (body === held) return
    if (body === undefined) this.#nodes.delete(member)
    else this.#nodes.set(member, body)
    if ((held === undefined) !== (body === undefined)) this.#nodeIds = undefined
    touched.members.add(member)
  }

  #refreshDrain(member: MemberId, touched: Touched): void {
    const draining =
      parseDrain(this.#world.read(`drain/${member}`)?.body ?? null)?.draining === true
    if (draining === this.#draining.has(member)) return
    if (draining) this.#draining.add(member)
    else this.#draining.delete(member)
    touched.members.add(member)
  }

  /** An allocation for the one that is held under its id. */
  #exchange(
    member: MemberId,
    id: AllocationId,
    placed: Placed | undefined,
    touched: Touched,
  ): void {
    const held = this.allocationsOn(member).find((each) => each.body.id === id)
    if (held === undefined && placed === undefined) return
    this.#recount(member, held, placed, touched)
    this.#index(member, id, { held, placed })
    if (!touched.allocations.has(id)) touched.allocations.set(id, held)
    if (held !== undefined) touched.placedJobs.add(held.body.job)
    if (placed !== undefined) touched.placedJobs.add(placed.body.job)
  }

  #recount(
    member: MemberId,
    held: Placed | undefined,
    placed: Placed | undefined,
    t: Touched,
  ): void {
    const before = takenBy(held)
    const after = takenBy(placed)
    if (before === after) return
    this.#committed.set(member, exchanged(this.committed(member), before, after))
    t.recounted.add(member)
    if (shortage(before, after) !== undefined) t.freed.add(member)
  }

  #index(
    member: MemberId,
    id: AllocationId,
    change: { held: Placed | undefined; placed: Placed | undefined },
  ): void {
    const { held, placed } = change
    const on = replaced(this.allocationsOn(member), held, placed, compareByJob)
    if (on.length > 0) this.#byMember.set(member, on)
    else this.#byMember.delete(member)
    if (placed !== undefined) this.#byId.set(id, placed)
    else if (this.#byId.get(id)?.member === member) this.#byId.delete(id)
    if (held?.body.job === placed?.body.job) return this.#indexOfJob(change)
    this.#indexOfJob({ held, placed: undefined })
    this.#indexOfJob({ held: undefined, placed })
  }

  #indexOfJob(change: { held: Placed | undefined; placed: Placed | undefined }): void {
    const job = (change.held ?? change.placed)?.body.job
    if (job === undefined) return
    const of = this.allocationsOf(job)
    const after = replaced(of, change.held, change.placed, comparePlaced)
    if (after.length > 0) this.#byJob.set(job, after)
    else this.#byJob.delete(job)
    if ((of.length === 0) !== (after.length === 0)) this.#allocationJobs = undefined
  }
}

/** What was read of a record, for as long as it lives: it never changes, and simulated members share it. */
const placedOf = new WeakMap<Written, Placed>()
const none: readonly Placed[] = []
const nothing: readonly string[] = []

function readAllocation(
  member: MemberId,
  id: AllocationId,
  written: Written | undefined,
): Placed | undefined {
  const body = written && parseAllocation(written.body)
  if (body === undefined || body.id !== id) return undefined
  const placed = { member, stamp: written!.stamp, body }
  placedOf.set(written!, placed)
  return placed
}

/** What was read of a spec, with its count. */
const jobFrom = remembered(
  (
    written: Written,
    id: JobId,
    counted: Written | undefined,
    createdStamp: Stamp,
  ): Job | undefined => {
    const body = parseJobBody(written.body)
    if (body === undefined || body.spec.id !== id) return undefined
    return {
      id,
      version: jobVersion(body.generation, written.author, written.counter),
      generation: body.generation,
      count: parseCount(counted?.body ?? null)?.count ?? body.spec.count,
      spec: body.spec,
      stamp: written.stamp,
      createdStamp,
      essence: essenceOf(body.spec),
      born: body.born,
    }
  },
)

function takenBy(placed: Placed | undefined): Resources {
  return placed === undefined || isEnded(placed.body.state) ? noResources : placed.body.resources
}

function idsOf(touched: SparseMap<string, unknown> | SparseSet<string>): readonly string[] {
  return touched.size === 0 ? nothing : sorted(touched.keys())
}

function sorted(ids: Iterable<string>): readonly string[] {
  return [...ids].sort(compareText)
}
