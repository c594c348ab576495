/**
 * Why a job's slots are where they are, or wait: the same search as the steward's, run for the answer. Any
 * member can do it, from what it knows; only the steward also knows whom it is asking right now.
 */
import type { MemberId } from '../base/id.ts'
import type { Config } from '../config.ts'
import { limits } from '../limits.ts'
import type { WhyCandidate, WhySlot, WhyView } from '../view.ts'
import { isLive } from './allocation.ts'
import { findCandidates } from './candidates.ts'
import { describeRefusal } from './feasibility.ts'
import type { Job, Placed } from './inventory.ts'
import { keyOfSlot, type PlacementRing } from './placement-ring.ts'
import type { Reconciliation, Wait } from './reconcile.ts'
import { add } from './resources.ts'
import type { Seating } from './seating.ts'

export interface WhyFacts {
  readonly job: Job
  readonly steward: MemberId | undefined
  readonly allocations: readonly Placed[]
  readonly plan: Reconciliation
  readonly ring: PlacementRing
  readonly seating: Seating
  readonly config: Config
  /** Whom the steward is asking for a slot. */
  readonly asked: (slot: number) => MemberId | undefined
  /** Why a member that was asked for the slot a moment ago has declined. */
  readonly declined: (slot: number, member: MemberId) => string | undefined
}

type Standing = Pick<WhySlot, 'member' | 'state' | 'reason' | 'until'>

export function explainJob(facts: WhyFacts): WhyView {
  const standings = standingsOf(facts)
  let budget: number = limits.candidatesPerStep
  const slots = standings.map((standing, slot) => {
    const breadth = isSeated(standing) ? facts.config.candidates : facts.ring.members.length
    const candidates = explainSlot(slot, standing, Math.min(breadth, budget), facts)
    budget -= candidates.length
    return { slot, ...standing, candidates }
  })
  return { job: facts.job.id, steward: facts.steward, note: facts.plan.explain, slots }
}

/** A system job has one slot on each node that may have it, and each node is its own only candidate. */
export function explainSystemJob(facts: WhyFacts): WhyView {
  const holders = new Set(facts.allocations.filter(isLiveOne).map((placed) => placed.member))
  const slots = facts.ring.members.map((member): WhySlot => {
    if (holders.has(member)) return { slot: 0, member, state: 'placed', candidates: [] }
    const reason = failureOf(facts.allocations.filter((placed) => placed.member === member))
    const state = reason === undefined ? 'waiting' : 'backing-off'
    const candidates = [explainCandidate(member, { slot: 0, isOwn: false }, facts)]
    return { slot: 0, member: undefined, state, reason, candidates }
  })
  return { job: facts.job.id, steward: undefined, note: undefined, slots }
}

function standingsOf({ job, plan, allocations, asked }: WhyFacts): Standing[] {
  const standings: Standing[] = Array.from({ length: job.count }, () => ({
    member: undefined,
    state: 'waiting' as const,
  }))
  const set = (slot: number, standing: Standing): void => {
    standings[slot] = standing
  }
  const holders = new Map<number, MemberId>()
  for (const placed of allocations)
    if (isLiveOne(placed)) holders.set(placed.body.slot, placed.member)
  for (const { body, member } of plan.keep) set(body.slot, { member, state: 'placed' })
  for (const { slot, old } of plan.replace) set(slot, { member: old.member, state: 'placed' })
  for (const slot of plan.complete) set(slot, { member: undefined, state: 'complete' })
  for (const wait of plan.wait) {
    const { slot, until } = wait
    const standing = standingOf(wait, holders.get(slot), asked)
    const ofSlot = allocations.filter(({ body }) => body.slot === slot)
    set(slot, { ...standing, reason: reasonOf(wait, ofSlot), until })
  }
  for (const [slot, member] of holders)
    if (standings[slot]?.state === 'waiting') set(slot, { member, state: 'placed' })
  for (const { slot } of plan.place) set(slot, { member: undefined, state: 'waiting' })
  return standings
}

function standingOf(
  { slot, reason }: Wait,
  holder: MemberId | undefined,
  asked: WhyFacts['asked'],
): Standing {
  if (reason === 'asked') return { member: asked(slot) ?? holder, state: 'placing' }
  if (reason === 'backing-off') return { member: holder, state: 'backing-off' }
  return { member: holder, state: holder === undefined ? 'waiting' : 'placed' }
}

function reasonOf({ reason }: Wait, ofSlot: readonly Placed[]): string | undefined {
  if (reason === 'asked') return undefined
  return reason === 'backing-off' ? failureOf(ofSlot) : reason
}

/** How the latest has failed. */
function failureOf(allocations: readonly Placed[]): string | undefined {
  const latest = allocations.at(-1)?.body
  return latest?.state === 'failed' ? (latest.reason ?? undefined) : undefined
}

function isSeated({ state }: Standing): boolean {
  return state === 'placed' || state === 'complete'
}

/** The chosen ones first, best first, then the others in the order of the walk. */
function explainSlot(
  slot: number,
  standing: Standing,
  breadth: number,
  facts: WhyFacts,
): WhyCandidate[] {
  const { ring, seating, job, config } = facts
  const own = standing.member
  if (own !== undefined) seating.occupancy.remove(own)
  const explained = new Map<MemberId, WhyCandidate>()
  for (const member of ring.walk(keyOfSlot(job.id, slot))) {
    if (explained.size >= breadth) break
    const candidate = explainCandidate(member, { slot, isOwn: member === own }, facts)
    const declined = facts.declined(slot, member)
    explained.set(
      member,
      declined === undefined
        ? candidate
        : { member, score: undefined, refusal: `declined: ${declined}` },
    )
  }
  if (own !== undefined) seating.occupancy.add(own)
  const score = (member: MemberId): number | undefined => explained.get(member)?.score
  const chosen = findCandidates(explained.keys(), score, config)
  const first = new Set(chosen.map((each) => each.member))
  const rest = [...explained.values()].filter((each) => !first.has(each.member))
  return [...chosen.map((each) => explained.get(each.member)!), ...rest]
}

/** `isOwn`: as if the slot that the member holds were not there yet. */
function explainCandidate(
  member: MemberId,
  { slot, isOwn }: { slot: number; isOwn: boolean },
  { seating }: WhyFacts,
): WhyCandidate {
  const seen = seating.candidate(member)
  const candidate = isOwn ? { ...seen, free: add(seen.free, seating.wish.need) } : seen
  const refusal = seating.refusal(candidate)
  if (refusal === undefined)
    return { member, score: seating.score(candidate, slot), refusal: undefined }
  const words = describeRefusal(refusal, candidate, seating.wish.need)
  return { member, score: undefined, refusal: words }
}

function isLiveOne({ body }: Placed): boolean {
  return isLive(body.state)
}
