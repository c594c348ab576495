/**
 * How soon a machine's death is known to all, and whether living members are held for dead: the agent's own
 * code in the simulator, and beside it SWIM with memberlist's default settings on the same network model.
 * Machines lose their power, one after the other, so nobody is told by a socket; then comes a calm time.
 * Packets are lost with a probability: over our links, which are TCP, they come late; SWIM's datagrams do not.
 */

import { SwimGroup } from '../../sim/baseline/swim/group.ts'
import type { Death } from '../../sim/metrics/deaths.ts'
import { Simulator } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'
import { atMost, type Figure, percentile } from './figure.ts'

const secondUs = 1_000_000
const warmUs = 15 * secondUs
const network = { latencyMinUs: 200, latencyMaxUs: 5000, duplicatePermille: 0 }

export interface DetectionPlan {
  readonly members: number
  readonly lossPermille: number
  readonly deaths: number
  readonly calmSeconds: number
}

export function detectionPlans(isQuick: boolean): DetectionPlan[] {
  if (isQuick) return [{ members: 1000, lossPermille: 50, deaths: 5, calmSeconds: 30 }]
  return [
    { members: 1000, lossPermille: 0, deaths: 20, calmSeconds: 60 },
    { members: 1000, lossPermille: 10, deaths: 20, calmSeconds: 60 },
    { members: 1000, lossPermille: 50, deaths: 20, calmSeconds: 600 },
    { members: 10_000, lossPermille: 10, deaths: 5, calmSeconds: 60 },
    { members: 10_000, lossPermille: 50, deaths: 5, calmSeconds: 600 },
  ]
}

interface Outcome {
  /** Of each death: until all knew, Infinity where some never did. */
  readonly knownToAllUs: readonly number[]
  readonly falseDeaths: number
  /** Sent by a member in a second of the calm time. */
  readonly messages: number
  readonly wallSeconds: number
}

export function benchDetection(plans: readonly DetectionPlan[]): Figure[] {
  return plans.flatMap((plan) => [
    ...figures('ours', plan, ours(plan)),
    ...figures('SWIM', plan, swim(plan)),
  ])
}

function figures(who: string, plan: DetectionPlan, outcome: Outcome): Figure[] {
  const { members, lossPermille, calmSeconds } = plan
  const name = `${members} members, ${lossPermille / 10} % loss, ${who}`
  const { knownToAllUs, falseDeaths, messages, wallSeconds } = outcome
  const known = {
    name: `death known to all, ${name}`,
    value: percentile(knownToAllUs, 99) / secondUs,
    unit: 's',
    note: `p99 of ${knownToAllUs.length} deaths, median ${(percentile(knownToAllUs, 50) / secondUs).toFixed(2)} s`,
  }
  const living = {
    name: `false deaths, ${name}`,
    value: falseDeaths,
    unit: '',
    note: `${calmSeconds} s calm; ${messages.toFixed(1)} messages a member and second; ran ${wallSeconds.toFixed(0)} s`,
  }
  return who === 'ours' ? [atMost(3.5, known), atMost(0, living)] : [known, living]
}

function ours({ members, lossPermille, deaths, calmSeconds }: DetectionPlan): Outcome {
  const startedAt = performance.now()
  const simulator = new Simulator({ seed: 1, members, network: { ...network, lossPermille } })
  startWarm(simulator)
  simulator.run(warmUs)
  const { deaths: seen } = simulator.metrics
  for (let i = 0; i < deaths; i++) {
    simulator.hosts[victim(i, members)]!.powerOff()
    const death = seen.all.at(-1)!
    simulator.runUntil(() => death.knew === death.others, 60 * secondUs)
    simulator.run(spacingUs(i))
  }
  const sent = (): number => simulator.network.counts.sent
  const before = sent()
  simulator.run(calmSeconds * secondUs)
  return {
    knownToAllUs: seen.all.map(knownToAll),
    falseDeaths: seen.falseDeaths,
    messages: (sent() - before) / (members - deaths) / calmSeconds,
    wallSeconds: (performance.now() - startedAt) / 1000,
  }
}

function knownToAll({ atUs, lastKnewUs, knew, others }: Death): number {
  return lastKnewUs === undefined || knew < others ? Number.POSITIVE_INFINITY : lastKnewUs - atUs
}

function swim({ members, lossPermille, deaths, calmSeconds }: DetectionPlan): Outcome {
  const startedAt = performance.now()
  const group = new SwimGroup({ seed: 1, members, network: { ...network, lossPermille } })
  group.run(warmUs)
  const knownToAllUs: number[] = []
  for (let i = 0; i < deaths; i++) {
    const index = victim(i, members)
    const diedUs = group.nowUs
    group.powerOff(index)
    const others = members - i - 1
    while (group.knew.get(index)! < others && group.nowUs - diedUs < 180 * secondUs)
      group.run(secondUs / 10)
    const isKnown = group.knew.get(index)! >= others
    knownToAllUs.push(isKnown ? group.lastKnewUs - diedUs : Number.POSITIVE_INFINITY)
    group.run(spacingUs(i))
  }
  const before = group.datagrams
  group.run(calmSeconds * secondUs)
  return {
    knownToAllUs,
    falseDeaths: group.falseDeaths.size,
    messages: (group.datagrams - before) / (members - deaths) / calmSeconds,
    wallSeconds: (performance.now() - startedAt) / 1000,
  }
}

/** Spread over the members, and over the phases of their probes. */
function victim(i: number, members: number): number {
  return (i * 37 + 11) % members
}

function spacingUs(i: number): number {
  return 2 * secondUs + ((i * 317) % 1000) * 1000
}
