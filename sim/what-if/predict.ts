/**
 * A prediction: the members of a snapshot come to rest as they are, then each what-if is done and they come to rest
 * again. What moved, what fits nowhere, how long it took, what is left and what is at risk.
 */
import { add, noResources, type Resources } from '../../protocol/placement/resources.ts'
import type { Snapshot } from '../../protocol/snapshot.ts'
import type { JobView } from '../../protocol/view.ts'
import { type Break, breakOf } from '../broken-run.ts'
import type { FlightRecorder } from '../flight-recorder.ts'
import { whatIfLimits as limits } from '../limits.ts'
import type { Simulator } from '../simulator.ts'
import { type Act, describeAct, perform } from './act.ts'
import { type Move, movesBetween, type Seats, seatsOf } from './placements.ts'
import { runToRest, waitingSlots } from './rest.ts'
import { type Risk, risksOf } from './risks.ts'
import { stageOf } from './stage.ts'
import { type Shortfall, Uptime } from './uptime.ts'

export interface Prediction {
  readonly snapshot: { readonly at: number; readonly nodes: number; readonly jobs: number }
  readonly seed: number
  /** The first is the cluster as it is: what was under way when the snapshot was taken. */
  readonly steps: readonly PredictedStep[]
  /** From the cluster as it came to rest to what is left at the end. */
  readonly moves: readonly Move[]
  readonly waiting: readonly WaitingSlots[]
  readonly capacity: { readonly before: Room; readonly after: Room }
  readonly risks: readonly Risk[]
}

export interface PredictedStep {
  readonly what: string
  readonly moves: readonly Move[]
  /** Simulated milliseconds until nothing moved any more; null when that took longer than was waited. */
  readonly convergedMs: number | null
  readonly shortfalls: readonly Shortfall[]
}

/** Slots of one job that run nowhere for one reason. */
export interface WaitingSlots {
  readonly job: string
  readonly slots: readonly number[]
  readonly because: string
}

/** Of the nodes that are alive. */
export interface Room {
  readonly nodes: number
  readonly capacity: Resources
  readonly committed: Resources
}

export interface PredictOptions {
  readonly file: string
  readonly seed: number
  readonly restMs?: number | undefined
  /** Of nodes whose lives are to be recorded, by their place in the snapshot. */
  readonly recorders?: ReadonlyMap<number, FlightRecorder>
}

export function predict(
  snapshot: Snapshot,
  acts: readonly Act[],
  { file, seed, restMs = limits.restMs, recorders }: PredictOptions,
): Prediction {
  const simulator = stageOf(snapshot, { file, seed, recorders })
  try {
    return predictOn(simulator, snapshot, acts, { seed, restMs })
  } catch (error) {
    const found = breakOf(simulator, error)
    throw found === undefined ? error : new PredictionBroke(found, seed)
  }
}

/** A bug of ours ended it. */
export class PredictionBroke extends Error {
  readonly found: Break
  readonly seed: number

  constructor(found: Break, seed: number) {
    super(found.reason)
    this.found = found
    this.seed = seed
  }
}

function predictOn(
  simulator: Simulator,
  snapshot: Snapshot,
  acts: readonly Act[],
  { seed, restMs }: { seed: number; restMs: number },
): Prediction {
  const uptime = new Uptime(simulator)
  const steps = [stepOf('as it is', simulator, uptime, restMs, () => {})]
  const first = seatsOf(simulator)
  const before = roomOf(simulator)
  const jobs = jobsOf(simulator).length
  for (const act of acts)
    steps.push(stepOf(describeAct(act), simulator, uptime, restMs, () => perform(act, simulator)))
  const waiting = waitingOf(simulator)
  return {
    snapshot: { at: snapshot.at, nodes: before.nodes, jobs },
    seed,
    steps,
    moves: movesBetween(first, seatsOf(simulator)),
    waiting,
    capacity: { before, after: roomOf(simulator) },
    risks: risksOf(simulator, steps, waiting),
  }
}

function stepOf(
  what: string,
  simulator: Simulator,
  uptime: Uptime,
  restMs: number,
  act: () => void,
): PredictedStep {
  const before: Seats = seatsOf(simulator)
  const startUs = simulator.nowUs
  const services = jobsOf(simulator).filter(({ spec }) => spec.type === 'service')
  uptime.follow()
  uptime.begin(services.map(({ spec, count }) => ({ spec, wanted: count })))
  act()
  uptime.follow()
  const restUs = runToRest(simulator, restMs * 1000)
  const wanted = new Map(jobsOf(simulator).map(({ id, count }) => [id, count]))
  return {
    what,
    moves: movesBetween(before, seatsOf(simulator)),
    convergedMs: restUs === undefined ? null : Math.round((restUs - startUs) / 1000),
    // A job that was stopped, or scaled down, was to have fewer.
    shortfalls: uptime.shortfalls().filter((each) => (wanted.get(each.job) ?? 0) >= each.wanted),
  }
}

function jobsOf(simulator: Simulator): JobView[] {
  return simulator.up()[0]?.core.view().jobs() ?? []
}

function waitingOf(simulator: Simulator): WaitingSlots[] {
  return jobsOf(simulator).flatMap((job) => {
    const byReason = new Map<string, number[]>()
    for (const { slot, reason, candidates } of waitingSlots(job, simulator)) {
      const because = reason ?? summaryOf(candidates.map(({ refusal }) => refusal))
      byReason.set(because, [...(byReason.get(because) ?? []), slot])
    }
    return [...byReason].map(([because, slots]) => ({ job: job.id, slots, because }))
  })
}

/** `cpu: needs 2000, 500 free (3 nodes); draining (1 node)`: the commonest first. */
function summaryOf(refusals: readonly (string | undefined)[]): string {
  const counts = new Map<string, number>()
  for (const refusal of refusals) {
    const kind = (refusal ?? 'would fit').split(', ')[0]!
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const parts = sorted.map(([kind, n]) => `${kind} (${n} ${n === 1 ? 'node' : 'nodes'})`)
  return parts.join('; ') || 'no node is left'
}

export function roomOf(simulator: Simulator): Room {
  const up = simulator.up()
  const nodes = (up[0]?.core.view().nodes() ?? []).filter(({ state }) => state === 'alive')
  const capacity = sum(nodes.map(({ body }) => body?.capacity))
  return { nodes: nodes.length, capacity, committed: sum(nodes.map((node) => node.committed)) }
}

function sum(amounts: readonly (Resources | undefined)[]): Resources {
  return amounts.reduce<Resources>((total, each) => add(total, each ?? noResources), noResources)
}
