/**
 * One run of a scenario: boot, then the safety phase under faults and load, then everything is repaired and the
 * liveness phase gives the cluster a bounded time to come to rest. What is broken comes back as text.
 *
 * The run is a sequence of short steps, so that whoever shows its progress can look at the clock and the keyboard
 * in between; how long the steps are changes nothing of what happens.
 */
import { Random } from '../protocol/base/random.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import type { ArrivalSource } from './arrival.ts'
import { watchCapacity } from './checker/capacity.ts'
import { divergences, isConverged } from './checker/convergence.ts'
import { lostWrites } from './checker/durability.ts'
import { Sampler, sampleUs } from './metrics/sample.ts'
import { Nemesis } from './nemesis.ts'
import type { SeededScenario } from './scenario/draw.ts'
import { idleKnobs } from './scenario/idle.ts'
import { clockPlan, networkPlan } from './scenario/plan.ts'
import { durationUs } from './scenario/quantity.ts'
import { Simulator, type SimulatorOptions } from './simulator.ts'
import { Topology } from './topology.ts'
import { startWarm } from './warm-start.ts'
import { Workload } from './workload.ts'

export { drawScenario, type SeededScenario } from './scenario/draw.ts'

export type Phase = 'boot' | 'safety' | 'liveness' | 'over'

export interface RunOptions {
  /** Called with each line of the trace. */
  readonly trace?: (line: string) => void
  /** Takes the place of the scenario's workload. */
  readonly arrivals?: ArrivalSource
  /** Takes the place of the scenario's classes. */
  readonly machines?: Pick<SimulatorOptions, 'capacity' | 'labels'>
  /** See `SimulatorOptions`. */
  readonly isPlain?: boolean
}

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly traceHash: string
  readonly events: number
  readonly simulatedUs: number
  /** Strikes of each fault that the scenario has. */
  readonly faults: { readonly [fault: string]: number }
  readonly network: Simulator['network']['counts']
  readonly acknowledged: number
  readonly refused: number
  readonly bootUs: number
  readonly convergedUs: number
  /** Knobs of the scenario that had no effect. */
  readonly idle: readonly string[]
}

/** When nothing happens in between, convergence is looked at so often. */
const lookUs = 1_000_000

export class Run {
  readonly scenario: SeededScenario
  readonly simulator: Simulator
  readonly topology: Topology
  readonly workload: Workload
  readonly nemesis: Nemesis
  readonly sampler: Sampler
  readonly violations: string[] = []
  phase: Phase = 'boot'
  bootUs: number | undefined
  healedUs: number | undefined
  convergedUs: number | undefined
  /** Simulated time of one step; whoever drives the run may change it. */
  stepUs = sampleUs
  readonly #arrivals: ArrivalSource | undefined

  constructor(scenario: SeededScenario, options: RunOptions = {}) {
    const { seed } = scenario
    this.scenario = scenario
    this.topology = new Topology(scenario.members)
    this.simulator = new Simulator(simulatorOptions(scenario, this.topology, options))
    this.workload = new Workload(this.simulator, new Random(seed + 1))
    this.nemesis = new Nemesis(this.simulator, this.topology, new Random(seed + 2))
    this.sampler = new Sampler(this.simulator, this.workload.ledger)
    this.#arrivals = options.arrivals
  }

  /** Yields after each step; a run that is not driven to its end is interrupted. */
  *steps(): Generator<void> {
    const { durations, workload, faults } = this.scenario
    watchCapacity(this.simulator, this.violations)
    if (this.scenario.start === 'warm') startWarm(this.simulator)
    else startAll(this.simulator, durationUs(durations.bootSpread))
    if (!(yield* this.#untilRest(durationUs(durations.boot))))
      this.violations.push(...divergences(this.simulator).map((text) => `boot: ${text}`))
    this.bootUs = this.simulator.nowUs
    this.phase = 'safety'
    const safetyUs = durationUs(durations.safety)
    if (this.#arrivals === undefined) this.workload.play(workload, safetyUs)
    else this.workload.follow(this.#arrivals)
    this.nemesis.start(faults)
    yield* this.#advance(safetyUs)
    this.workload.stop()
    this.nemesis.heal()
    this.violations.push(...this.nemesis.violations)
    this.phase = 'liveness'
    this.healedUs = this.simulator.nowUs
    if (yield* this.#untilRest(durationUs(durations.liveness)))
      this.convergedUs = this.simulator.nowUs - this.healedUs
    else this.violations.push(...divergences(this.simulator))
    this.violations.push(...lostWrites(this.simulator, this.workload.ledger))
    this.phase = 'over'
  }

  outcome(): Outcome {
    const { simulator, nemesis, workload } = this
    const { nowUs } = simulator
    const faults: { [fault: string]: number } = {}
    for (const { fault, strikes } of nemesis.tallies) faults[fault] = (faults[fault] ?? 0) + strikes
    return {
      seed: this.scenario.seed,
      violations: this.violations,
      traceHash: simulator.traceHash(),
      events: simulator.events,
      simulatedUs: nowUs,
      faults,
      network: simulator.network.counts,
      acknowledged: workload.ledger.acknowledged.length,
      refused: workload.ledger.refused,
      bootUs: this.bootUs ?? nowUs,
      convergedUs: this.convergedUs ?? nowUs - (this.healedUs ?? nowUs),
      idle: this.phase === 'over' ? idleKnobs(this) : [],
    }
  }

  /** False when it never came to rest within the time. */
  *#untilRest(withinUs: number): Generator<void, boolean> {
    const endUs = this.simulator.nowUs + withinUs
    const isBoot = this.phase === 'boot'
    const everyUs = isBoot && this.simulator.hosts.length <= 1000 ? sampleUs : lookUs
    const isCold = isBoot && this.scenario.start === 'cold'
    const startedUs = isCold ? durationUs(this.scenario.durations.bootSpread) : 0
    for (;;) {
      if (this.simulator.nowUs > startedUs && isConverged(this.simulator)) return true
      if (this.simulator.nowUs >= endUs) return false
      yield* this.#advance(Math.min(everyUs, endUs - this.simulator.nowUs))
    }
  }

  /** In steps, with a sample each time that one is due. */
  *#advance(us: number): Generator<void> {
    const { simulator, sampler } = this
    const endUs = simulator.nowUs + us
    while (simulator.nowUs < endUs) {
      const toSampleUs = sampleUs - (simulator.nowUs % sampleUs)
      const stepUs = Math.max(1, Math.floor(this.stepUs))
      simulator.run(Math.min(stepUs, toSampleUs, endUs - simulator.nowUs))
      watchCapacity(simulator, this.violations)
      if (simulator.nowUs % sampleUs === 0) sampler.take()
      yield
    }
  }
}

export function runScenario(scenario: SeededScenario, trace?: (line: string) => void): Outcome {
  const run = new Run(scenario, trace === undefined ? {} : { trace })
  for (const _ of run.steps());
  return run.outcome()
}

function simulatorOptions(
  { seed, members, links, clocks, encode }: SeededScenario,
  topology: Topology,
  { trace, machines, isPlain = false }: RunOptions,
): SimulatorOptions {
  const { skewUs, driftPpm } = clockPlan(clocks)
  return {
    seed,
    members: members.count,
    geography: { topology, plan: networkPlan(links) },
    clockSkewMs: Math.floor(skewUs / 1000),
    clockDriftPpm: driftPpm,
    encode,
    isPlain,
    capacity: (host) => capacityOf(topology, host),
    labels: (host) => labelsOf(topology, host),
    ...machines,
    ...(trace && { trace }),
  }
}

function capacityOf(topology: Topology, host: number): Resources {
  const { cpu, memory, disk, gpu } = topology.classes[topology.classOf(host)]!
  return { cpu, memory, disk, gpu }
}

function labelsOf(topology: Topology, host: number): { readonly [key: string]: string } {
  const region = topology.regions[topology.regionOf(host)]!.name
  const rack = topology.rackNames[topology.rackOf(host)]!
  const { name, labels } = topology.classes[topology.classOf(host)]!
  return { region, zone: region, rack, class: name, ...labels }
}

/** Everyone starts within the spread and knows one or two of the first ones. */
function startAll(simulator: Simulator, spreadUs: number): void {
  const random = new Random(simulator.options.seed + 3)
  const seeds = simulator.hosts.slice(0, 2)
  for (const host of simulator.hosts) {
    const place = { destination: host.index, source: host.index }
    simulator.schedule(random.below(spreadUs), 'fault', place, () => host.start(seeds))
  }
}

/** Starts all of a simulator that is driven by hand, until all see all. */
export function boot(simulator: Simulator, violations: string[]): number {
  const spreadUs = 1_000_000
  startAll(simulator, spreadUs)
  const isWhole = () => simulator.nowUs > spreadUs && isConverged(simulator)
  if (!simulator.runUntil(isWhole, 60_000_000))
    violations.push(...divergences(simulator).map((text) => `boot: ${text}`))
  return simulator.nowUs
}
