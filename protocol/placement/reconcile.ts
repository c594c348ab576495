/**
 * What a job needs now: a pure function of its spec, its allocations and the fates of their members, so a
 * steward has nothing to remember and the next one goes on where it stopped. Each slot gets a verdict by
 * itself; then the roll-out chooses which outdated slots may be replaced (rollout.ts).
 *
 * Invariant: a slot with a live allocation that is not lost, or with a request under way, is never placed
 * again; so at most `count` placements are asked for. Slots past `count`, and jobs that are gone, are
 * stopped by their members themselves: no steward is needed for what everyone can see.
 */
import { earliest } from '../base/deadline.ts'
import { type AllocationId, type MemberId, type Millis, millisOf } from '../base/id.ts'
import { isEnded, isLive } from './allocation.ts'
import { backoffMs, failuresAfter } from './backoff.ts'
import { type MemberRecords, winnerOf } from './duplicate.ts'
import type { Fate } from './fate.ts'
import { isCurrent, type Job, type Placed } from './inventory.ts'
import { durationMs } from './job.ts'
import { planRollout } from './rollout.ts'

export interface ReconcileInput {
  readonly job: Job
  /** All that are known of the job, in (slot, created) order. */
  readonly allocations: readonly Placed[]
  readonly fateOf: (member: MemberId) => Fate
  readonly records: MemberRecords
  /** Slots for which a member is being asked. */
  readonly asked: Pick<ReadonlySet<number>, 'has'>
  /** Allocations that were asked to stop and do not show it yet. */
  readonly stopping: Pick<ReadonlySet<AllocationId>, 'has'>
  /** Slots of the job fit nowhere, as things are. */
  readonly isWaiting?: boolean
  readonly now: Millis
}

export interface Placement {
  readonly slot: number
  readonly failures: number
}

export interface Replacement extends Placement {
  readonly old: Placed
  readonly cause: 'update' | 'drain'
  /** Where no node has room beside the old one, the old one may be stopped first. */
  readonly mayStopFirst: boolean
}

export interface Stop {
  readonly placed: Placed
  readonly reason: string
}

export type WaitReason = 'suspect' | 'away' | 'stopping' | 'backing-off' | 'asked'

export interface Wait {
  readonly slot: number
  readonly reason: WaitReason
  /** When it is to be looked at again, if nothing happens before. */
  readonly until: Millis | undefined
}

export interface Reconciliation {
  readonly place: readonly Placement[]
  readonly replace: readonly Replacement[]
  readonly stop: readonly Stop[]
  /** Current, on a node that stays: left alone. */
  readonly keep: readonly Placed[]
  readonly wait: readonly Wait[]
  /** Slots of a batch whose work is done. */
  readonly complete: readonly number[]
  /** Why a roll-out does not go on, for a person. */
  readonly explain: string | undefined
  /** The first of the waits to end. */
  readonly wakeAt: Millis | undefined
}

/** What one slot comes to, before the roll-out has its say. */
export type Verdict =
  | { readonly type: 'place'; readonly slot: number; readonly failures: number }
  | { readonly type: 'keep'; readonly slot: number; readonly placed: Placed }
  | {
      readonly type: 'outdated'
      readonly slot: number
      readonly failures: number
      readonly old: Placed
      readonly cause: Replacement['cause']
    }
  | { readonly type: 'wait'; readonly wait: Wait }
  | { readonly type: 'complete'; readonly slot: number }

export interface SlotView {
  readonly slot: number
  readonly verdict: Verdict
  /** Something healthy serves the slot now, of whatever version. */
  readonly isHealthy: boolean
  /** Its latest allocation is of the current version and has failed. */
  readonly isFailing: boolean
  /** Until when its new allocation may still turn healthy; undefined for one that is, or had its time. */
  readonly unprovenUntil: Millis | undefined
}

export function reconcile(input: ReconcileInput): Reconciliation {
  const stop: Stop[] = []
  const slots = slotsOf(input).map((placed, slot) => viewSlot(slot, placed, input, stop))
  const rollout = planRollout(input.job, slots, input.isWaiting ?? false)
  const verdicts = slots.map((each) => each.verdict)
  const wait = verdicts.flatMap((each) => (each.type === 'wait' ? [each.wait] : []))
  return {
    place: verdicts.filter((each) => each.type === 'place'),
    replace: rollout.replace,
    stop: [...stop, ...rollout.stop],
    keep: verdicts.flatMap((each) => (each.type === 'keep' ? [each.placed] : [])),
    wait,
    complete: verdicts.flatMap((each) => (each.type === 'complete' ? [each.slot] : [])),
    explain: rollout.explain,
    wakeAt: earliest(rollout.wakeAt, ...wait.map((each) => each.until)),
  }
}

function slotsOf({ job, allocations }: ReconcileInput): Placed[][] {
  const slots: Placed[][] = Array.from({ length: job.count }, () => [])
  for (const placed of allocations) slots[placed.body.slot]?.push(placed)
  return slots
}

function viewSlot(
  slot: number,
  placed: readonly Placed[],
  input: ReconcileInput,
  stop: Stop[],
): SlotView {
  const { job, fateOf, stopping } = input
  const standing = placed.filter(
    (each) => !isEnded(each.body.state) && fateOf(each.member).type !== 'lost',
  )
  const live = standing.filter((each) => isLive(each.body.state) && !stopping.has(each.body.id))
  const isHealthy = live.some((each) => each.body.healthy && fateOf(each.member).type === 'here')
  const isFailing = failureOf(job, placed) !== undefined
  const verdict = judge({ slot, placed, standing, live }, input, stop)
  return { slot, verdict, isHealthy, isFailing, unprovenUntil: unprovenUntil(verdict, input) }
}

/** A member that gives up what is not healthy in time is heard of by then: its turn, and one of gossip. */
const verdictMs = 1000

function unprovenUntil(verdict: Verdict, { job, now }: ReconcileInput): Millis | undefined {
  if (verdict.type !== 'keep' || verdict.placed.body.healthy) return undefined
  const { createdStamp } = verdict.placed.body
  const deadlineMs = durationMs(job.spec.update.healthyDeadline)
  const until = millisOf(createdStamp) + deadlineMs + verdictMs
  return now < until ? until : undefined
}

interface SlotFacts {
  readonly slot: number
  readonly placed: readonly Placed[]
  /** Not ended, not lost. */
  readonly standing: readonly Placed[]
  /** Of these, the ones that are to go on. */
  readonly live: readonly Placed[]
}

function judge(facts: SlotFacts, input: ReconcileInput, stop: Stop[]): Verdict {
  const { slot, placed, standing, live } = facts
  const { job, asked } = input
  if (job.spec.type === 'batch' && placed.some((each) => isDone(job, each)))
    return { type: 'complete', slot }
  if (asked.has(slot)) return waiting(slot, 'asked')
  if (live.length > 0) return judgeLive(facts, input, stop)
  if (standing.length > 0) return waiting(slot, 'stopping')
  return judgeEmpty(facts, input)
}

/** A batch's allocation that completes has done the work of its slot, for as long as the job is the same. */
function isDone(job: Job, { body }: Placed): boolean {
  return body.state === 'complete' && isCurrent(job, body)
}

function judgeLive(facts: SlotFacts, input: ReconcileInput, stop: Stop[]): Verdict {
  const { slot, live, placed } = facts
  const { job, fateOf, records, now } = input
  const winner = winnerOf(job, live, records)!
  const isHere = (each: Placed): boolean => fateOf(each.member).type === 'here'
  if (isHere(winner)) stop.push(...losersOf(winner, live.filter(isHere)))
  const chosen = isHere(winner) ? winner : (winnerOf(job, live.filter(isHere), records) ?? winner)
  const fate = fateOf(chosen.member)
  if (fate.type === 'suspect') return waiting(slot, 'suspect')
  if (fate.type === 'away') return waiting(slot, 'away', fate.until)
  const isUpToDate = isCurrent(job, chosen.body)
  if (isUpToDate && !records.isDraining(chosen.member))
    return { type: 'keep', slot, placed: chosen }
  // The new one is being given up: until it has ended nothing else is tried.
  if (!isUpToDate && facts.standing.some((each) => isGivenUp(job, each)))
    return waiting(slot, 'stopping')
  const failure = failureOf(job, placed)
  if (failure !== undefined && now < failure.retryAt)
    return waiting(slot, 'backing-off', failure.retryAt)
  const cause = isUpToDate ? 'drain' : 'update'
  return { type: 'outdated', slot, failures: failure?.failures ?? 0, old: chosen, cause }
}

function isGivenUp(job: Job, { body }: Placed): boolean {
  return body.state === 'stopping' && isCurrent(job, body)
}

/** Whoever does not serve gives way at once, the others when the winner does. */
function losersOf(winner: Placed, here: readonly Placed[]): Stop[] {
  const { body } = winner
  return here
    .filter((each) => each !== winner)
    .filter((each) => body.healthy || (body.state === 'running' && !each.body.healthy))
    .map((placed) => ({ placed, reason: `replaced by ${body.id}` }))
}

function judgeEmpty({ slot, placed }: SlotFacts, { job, now }: ReconcileInput): Verdict {
  const failure = failureOf(job, placed)
  if (failure !== undefined && now < failure.retryAt)
    return waiting(slot, 'backing-off', failure.retryAt)
  const latest = placed.at(-1)
  // One that was lost has not failed, but what it had counted goes on.
  const carried = latest === undefined || isEnded(latest.body.state) ? 0 : latest.body.failures
  return { type: 'place', slot, failures: failure?.failures ?? carried }
}

/** The slot's latest allocation, where it has failed and ran what the job asks for now. */
function failureOf(
  job: Job,
  placed: readonly Placed[],
): { readonly failures: number; readonly retryAt: Millis } | undefined {
  const latest = placed.at(-1)
  if (latest?.body.state !== 'failed' || !isCurrent(job, latest.body)) return undefined
  const endedMs = millisOf(latest.stamp)
  const failures = failuresAfter(latest.body, endedMs, job.spec.restart)
  return { failures, retryAt: endedMs + backoffMs(job.spec.restart, failures) }
}

function waiting(slot: number, reason: WaitReason, until?: Millis): Verdict {
  return { type: 'wait', wait: { slot, reason, until } }
}
