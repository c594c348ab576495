/**
 * When nothing moves any more: all agree on who is there and on every record, nothing starts or stops, and each
 * slot runs, is done, or fits nowhere. That has to hold for a while, since a slot that was declined is tried again.
 */
import type { ClusterView, JobView, WhySlot } from '../../protocol/view.ts'
import { divergences } from '../checker/convergence.ts'
import type { Simulator } from '../simulator.ts'

const lookUs = 50_000
/** Longer than a settling member waits, and than it takes to pass over one that has declined. */
const calmUs = 2_500_000

/** When it came to rest; undefined when it did not within the time. */
export function runToRest(simulator: Simulator, withinUs: number): number | undefined {
  const endUs = simulator.nowUs + withinUs
  let since: number | undefined
  while (simulator.nowUs < endUs) {
    simulator.run(lookUs)
    if (!isAtRest(simulator)) since = undefined
    else since ??= simulator.nowUs
    if (since !== undefined && simulator.nowUs - since >= calmUs) return since
  }
  return undefined
}

function isAtRest(simulator: Simulator): boolean {
  const witness = simulator.up()[0]
  if (witness === undefined) return true
  const view = witness.core.view()
  if (view.allocations().some(({ state }) => moving.has(state))) return false
  // Counts come last: that a job has less than it wants is looked at below.
  if (divergences(simulator, 1).some((finding) => !finding.startsWith('S4'))) return false
  return view.jobs().every((job) => isSettled(job, simulator))
}

const moving = new Set(['pending', 'starting', 'stopping'])

function isSettled(job: JobView, simulator: Simulator): boolean {
  if (job.live > job.count) return false
  return waitingSlots(job, simulator).every(
    ({ state, candidates }) =>
      state === 'waiting' && candidates.every(({ refusal }) => isLasting(refusal)),
  )
}

function isLasting(refusal: string | undefined): boolean {
  return refusal !== undefined && refusal !== 'suspect' && !refusal.startsWith('declined')
}

/** Slots of the job that run nowhere, as their steward sees them: it alone knows whom it is asking. */
export function waitingSlots({ id, waiting }: JobView, simulator: Simulator): WhySlot[] {
  if (waiting === 0) return []
  const { slots } = whyBySteward(id, simulator) ?? { slots: [] }
  return slots.filter(({ state }) => state !== 'placed' && state !== 'complete')
}

function whyBySteward(job: string, simulator: Simulator): ReturnType<ClusterView['why']> {
  const why = simulator.up()[0]?.core.view().why(job)
  const steward = why?.steward === undefined ? undefined : simulator.byId.get(why.steward)
  return steward?.isUp ? steward.core.view().why(job) : why
}
