/**
 * Which outdated slots of a job may be replaced now: those of an earlier version, and those on draining
 * nodes. At most `update.parallel` slots are on their way at a time, and no healthy allocation is stopped
 * first when that many slots are already without one. Slots that serve nobody go first: to replace them
 * costs nothing, and the new version may be their cure.
 *
 * A roll-out stops when the new version does not prove itself: while a slot's latest allocation of it has
 * failed (a member fails what is not healthy in `healthyDeadline`), only that slot is tried again, with
 * back-off. A drain goes on, since it brings no new version.
 */
import { earliest } from '../base/deadline.ts'
import type { Millis } from '../base/id.ts'
import type { Job } from './inventory.ts'
import type { Replacement, SlotView, Stop } from './reconcile.ts'

export interface Rollout {
  readonly replace: readonly Replacement[]
  readonly stop: readonly Stop[]
  readonly explain: string | undefined
  readonly wakeAt: Millis | undefined
}

const nothing: Rollout = { replace: [], stop: [], explain: undefined, wakeAt: undefined }

type Outdated = SlotView & { verdict: { type: 'outdated' } }

export function planRollout(job: Job, slots: readonly SlotView[], isWaiting: boolean): Rollout {
  const outdated = slots.filter(isOutdated)
  if (outdated.length === 0) return nothing
  const failing = slots.find((each) => each.isFailing)
  const allowed = outdated.filter(
    (each) => failing === undefined || each.isFailing || each.verdict.cause === 'drain',
  )
  const explain =
    failing && `the roll-out waits: slot ${failing.slot} has failed with version ${job.version}`
  const wakeAt = earliest(...slots.map((each) => each.unprovenUntil))
  const unserved = slots.filter((each) => isUnserved(each, isWaiting)).length
  return { ...choose(job, slots, allowed.sort(compareUrgency), unserved), explain, wakeAt }
}

function choose(
  job: Job,
  slots: readonly SlotView[],
  allowed: readonly Outdated[],
  unservedBefore: number,
): Pick<Rollout, 'replace' | 'stop'> {
  const { parallel } = job.spec.update
  let underWay = slots.filter(isUnderWay).length
  let unserved = unservedBefore
  const replace: Replacement[] = []
  const stop: Stop[] = []
  for (const { slot, isHealthy, verdict } of allowed) {
    if (underWay >= parallel) break
    const { old, cause, failures } = verdict
    const mayStopFirst = !isHealthy || unserved < parallel
    if (stopsFirst(job, cause)) {
      if (!mayStopFirst) continue
      if (isHealthy) unserved += 1
      stop.push({ placed: old, reason: reasonOf(cause) })
    } else
      replace.push({ slot, failures, old, cause, mayStopFirst: mayStopFirst && cause === 'update' })
    underWay += 1
  }
  return { replace, stop }
}

/** One for which there is no room on any node is not waited for: the new version may be what makes room. */
function isUnserved({ isHealthy, verdict }: SlotView, isWaiting: boolean): boolean {
  return !isHealthy && verdict.type !== 'complete' && !(isWaiting && verdict.type === 'place')
}

/** Two runs of one batch slot at the same time would do its work twice. */
function stopsFirst({ spec }: Job, cause: Replacement['cause']): boolean {
  if (spec.type === 'batch') return true
  return cause === 'update' && spec.update.order === 'stop-first'
}

export function reasonOf(cause: Replacement['cause']): string {
  return cause === 'drain' ? 'its node is draining' : 'a new version replaces it'
}

function isOutdated(view: SlotView): view is Outdated {
  return view.verdict.type === 'outdated'
}

/** Between the old and the new: asked for, stopping, or started and not yet healthy. */
function isUnderWay({ verdict, unprovenUntil }: SlotView): boolean {
  if (verdict.type === 'wait') return ['asked', 'stopping'].includes(verdict.wait.reason)
  return unprovenUntil !== undefined
}

function compareUrgency(a: Outdated, b: Outdated): number {
  const served = Number(a.isHealthy) - Number(b.isHealthy)
  const drained = Number(b.verdict.cause === 'drain') - Number(a.verdict.cause === 'drain')
  return served || drained || a.slot - b.slot
}
