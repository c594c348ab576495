/**
 * One run: boot, then the safety phase under faults and load, then everything is repaired and the liveness
 * phase gives the cluster a bounded time to come to rest. What is broken comes back as text.
 */
import { Random } from '../protocol/base/random.ts'
import { watchCapacity } from './checker/capacity.ts'
import { divergences } from './checker/convergence.ts'
import { lostWrites } from './checker/durability.ts'
import { type Fault, Nemesis } from './nemesis.ts'
import type { NetworkKnobs } from './network.ts'
import { Simulator } from './simulator.ts'
import { Workload } from './workload.ts'

export interface Scenario {
  readonly seed: number
  readonly members: number
  /** Microseconds of the safety phase. */
  readonly safetyUs: number
  /** Bound of the liveness phase. */
  readonly livenessUs: number
  readonly faults: readonly Fault[]
  readonly faultMeanUs: number
  readonly workloadMeanUs: number
  readonly network: Partial<NetworkKnobs>
  readonly clockSkewMs: number
  readonly encode: boolean
}

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  readonly traceHash: string
  readonly events: number
  readonly simulatedUs: number
  readonly faults: Nemesis['counts']
  readonly network: Simulator['network']['counts']
  readonly acknowledged: number
  readonly refused: number
  readonly bootUs: number
  readonly convergedUs: number
}

const second = 1_000_000

/** A scenario drawn from its seed. */
export function drawScenario(seed: number, limits = { membersMin: 50, membersMax: 200 }): Scenario {
  const random = new Random(seed)
  const span = limits.membersMax - limits.membersMin + 1
  const some: Fault[] = ['kill-agent', 'power-off', 'cut', 'deafen', 'fill-disk', 'add-member']
  return {
    seed,
    members: limits.membersMin + random.below(span),
    safetyUs: 15 * second,
    livenessUs: 90 * second,
    faults: random.shuffle(some).slice(0, 3 + random.below(4)),
    faultMeanUs: (1 + random.below(4)) * second,
    workloadMeanUs: 200_000 + random.below(800_000),
    network: {
      latencyMaxUs: 1000 + random.below(40_000),
      lossPermille: random.below(4) * 10,
      duplicatePermille: random.below(3) * 10,
    },
    clockSkewMs: random.below(300),
    encode: random.chance(1, 2),
  }
}

export function runScenario(scenario: Scenario, trace?: (line: string) => void): Outcome {
  const { seed, members, network, clockSkewMs, encode } = scenario
  const simulator = new Simulator({
    seed,
    members,
    network,
    clockSkewMs,
    encode,
    ...(trace && { trace }),
  })
  const violations: string[] = []
  const bootUs = boot(simulator, violations)
  watchCapacity(simulator, violations)
  const workload = new Workload(simulator, new Random(seed + 1))
  const nemesis = new Nemesis(simulator, new Random(seed + 2))
  workload.start(scenario.workloadMeanUs)
  nemesis.start({ faults: scenario.faults, meanUs: scenario.faultMeanUs })
  simulator.run(scenario.safetyUs)
  workload.stop()
  nemesis.heal()
  watchCapacity(simulator, violations)
  const healedUs = simulator.nowUs
  if (!simulator.runUntil(() => divergences(simulator).length === 0, scenario.livenessUs, second))
    violations.push(...divergences(simulator))
  violations.push(...lostWrites(simulator, workload.ledger))
  return {
    seed,
    violations,
    traceHash: simulator.traceHash(),
    events: simulator.events,
    simulatedUs: simulator.nowUs,
    faults: nemesis.counts,
    network: simulator.network.counts,
    acknowledged: workload.ledger.acknowledged.length,
    refused: workload.ledger.refused,
    bootUs,
    convergedUs: simulator.nowUs - healedUs,
  }
}

/** Everyone starts within a second and knows one or two of the first ones; until all see all. */
export function boot(simulator: Simulator, violations: string[]): number {
  const random = new Random(simulator.options.seed + 3)
  const [first, second_] = simulator.hosts
  for (const host of simulator.hosts) {
    const place = { destination: host.index, source: host.index }
    simulator.schedule(random.below(second), 'fault', place, () => {
      const seeds = [first, second_].filter((seed) => seed !== undefined)
      host.start(seeds)
    })
  }
  const isWhole = () => divergences(simulator).length === 0 && simulator.nowUs > second
  if (!simulator.runUntil(isWhole, 60 * second))
    violations.push(...divergences(simulator).map((text) => `boot: ${text}`))
  return simulator.nowUs
}
