/**
 * What others did, told by this member too, so that whoever follows the events of one agent sees those of the
 * whole cluster. What this member did itself is told where it is done. It is told from the records, once they
 * are known here; what was written before this member began is history, and no news.
 */
import { type JobId, type MemberId, type Millis, millisOf } from '../base/id.ts'
import type { Notification } from '../effect.ts'
import {
  type Inventory,
  type InventoryChange,
  type Job,
  jobVersion,
  type Placed,
} from './inventory.ts'
import type { World, Written } from './world.ts'

export interface NewsSources {
  readonly world: Pick<World, 'self' | 'read' | 'versions'>
  readonly inventory: Pick<Inventory, 'job' | 'allocation'>
  /** When this member began. */
  readonly since: Millis
}

export function newsOf(change: InventoryChange, sources: NewsSources): Notification[] {
  const { jobs, allocations } = change.before
  return [
    ...change.jobs.flatMap((id) => newsOfJob(id, jobs.get(id), sources)),
    ...change.allocations.flatMap((id) =>
      newsOfAllocation(allocations.get(id), sources.inventory.allocation(id), sources),
    ),
  ]
}

function newsOfJob(id: JobId, before: Job | undefined, sources: NewsSources): Notification[] {
  const now = sources.inventory.job(id)
  const isNewSpec = before?.version !== now?.version
  if (!isNewSpec && before?.count === now?.count) return []
  const record = sources.world.read(`job/${id}/${isNewSpec ? 'spec' : 'count'}`)
  if (record === undefined || !isNews(record, sources)) return []
  const loser = isNewSpec && before && now && lostVersion(before, sources.world)
  const member = record.author
  const change = changeOf(before, now)
  const told: Notification[] = [{ type: 'job-changed', job: id, member, change }]
  if (loser) told.push({ type: 'job-conflict', job: id, winner: now.version, loser })
  return told
}

function changeOf(before: Job | undefined, now: Job | undefined) {
  if (now === undefined) return 'deleted'
  if (before === undefined) return 'submitted'
  return before.version === now.version ? 'scaled' : 'updated'
}

/** The version that was there, where the one that won did not know it, nor any that it knew. */
function lostVersion(before: Job, { versions }: NewsSources['world']): string | undefined {
  const known = [...(versions?.(`job/${before.id}/spec`) ?? [])]
  const held = known.find(
    ({ author, counter }) => jobVersion(before.generation, author, counter) === before.version,
  )
  const isComplete = known.every(({ replaces }) => !replaces || known.some(isAt(replaces)))
  if (held === undefined || !isComplete) return undefined
  return known.some(({ replaces }) => replaces && isAt(replaces)(held)) ? undefined : before.version
}

type Dot = Pick<Written, 'author' | 'counter'>

function isAt(dot: Dot): (written: Dot) => boolean {
  return ({ author, counter }) => author === dot.author && counter === dot.counter
}

function newsOfAllocation(
  before: Placed | undefined,
  now: Placed | undefined,
  sources: NewsSources,
): Notification[] {
  // One that is gone had ended long before.
  if (now === undefined || !isNews({ author: now.member, stamp: now.stamp }, sources)) return []
  const { id: allocation, job, state, healthy, reason } = now.body
  if (before?.body.state === state && before.body.healthy === healthy) return []
  const told = { allocation, job, member: now.member, state, healthy, reason }
  return [{ type: 'allocation-changed', ...told }]
}

function isNews(
  { author, stamp }: { readonly author: MemberId; readonly stamp: number },
  { world, since }: NewsSources,
): boolean {
  return author !== world.self && millisOf(stamp) >= since
}
