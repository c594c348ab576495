/**
 * Why a job's slots are where they are: the steward's own plan and search, for a person. Any member can
 * answer, since both are functions of what every member holds; only what a steward has asked just now, and
 * who has lately declined, is known to the steward alone.
 */
import type { MemberId, Millis } from '../base/id.ts'
import type { Config } from '../config.ts'
import type { WhyCandidate, WhySlot, WhyView } from '../view.ts'
import type { Ask } from './asks.ts'
import { describeRefusal } from './feasibility.ts'
import type { Job, Placed } from './inventory.ts'
import { keyOfSlot, type PlacementRing } from './placement-ring.ts'
import type { Reconciliation } from './reconcile.ts'
import type { Seating } from './seating.ts'

export interface WhyInput {
  readonly job: Job
  readonly ring: PlacementRing
  readonly plan: Reconciliation
  readonly seating: Seating
  readonly asked: ReadonlyMap<number, Ask>
  readonly config: Pick<Config, 'candidates'>
  readonly steward: MemberId | undefined
  readonly now: Millis
}

export function explainJob(input: WhyInput): WhyView {
  const { job, steward } = input
  const slots = job.spec.type === 'system' ? [0] : Array.from({ length: job.count }, (_, i) => i)
  return { job: job.id, steward, slots: slots.map((slot) => explainSlot(slot, input)) }
}

function explainSlot(slot: number, input: WhyInput): WhySlot {
  const { plan, asked } = input
  const kept = plan.keep.find((placed) => placed.body.slot === slot)
  const old = plan.replace.find((each) => each.slot === slot)?.old
  const placed: Placed | undefined = kept ?? old
  return {
    slot,
    member: placed?.member ?? asked.get(slot)?.member,
    state: slotState(slot, placed, input),
    candidates: placed === undefined ? candidatesOf(slot, input) : [],
  }
}

function slotState(
  slot: number,
  placed: Placed | undefined,
  { plan, asked }: WhyInput,
): WhySlot['state'] {
  if (placed !== undefined) return 'placed'
  if (plan.complete.includes(slot)) return 'complete'
  if (asked.has(slot)) return 'placing'
  const wait = plan.wait.find((each) => each.slot === slot)
  return wait?.reason === 'backing-off' ? 'backing-off' : 'waiting'
}

/** Everyone on the ring: those who can take it by their score, then those who cannot, in ring order. */
function candidatesOf(slot: number, { job, ring, seating }: WhyInput): WhyCandidate[] {
  const fit: WhyCandidate[] = []
  const unfit: WhyCandidate[] = []
  for (const member of ring.walk(keyOfSlot(job.id, slot))) {
    const candidate = seating.candidate(member)
    const refusal = seating.refusal(candidate)
    if (refusal === undefined)
      fit.push({ member, score: seating.score(candidate), refusal: undefined })
    else {
      const text = describeRefusal(refusal, candidate, seating.wish.need)
      unfit.push({ member, score: undefined, refusal: text })
    }
  }
  return [...fit.sort((a, b) => a.score! - b.score!), ...unfit]
}
