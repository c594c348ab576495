/**
 * The scenarios that are one step smaller than a given one, kind by kind. Each step makes one part of `sizeOf`
 * less and no other more, so shrinking ends; a step that would make no sound scenario (a fault after the end) is
 * left out. Classes and regions stay: what is drawn has one of each.
 */
import { inconsistencies } from '../scenario/consistency.ts'
import type { FaultShape } from '../scenario/fault-shape.ts'
import { durationFrom, durationUs, sharePpm } from '../scenario/quantity.ts'
import type { LinkShape, LinksShape, Scenario } from '../scenario/shape.ts'

export type Step<S extends Scenario> = (scenario: S) => S[]

/** Least that is tried: a fault and a reaction to it fit into a second. */
const safetyUsMin = 1_000_000

/** In this order: what makes the later runs short comes first. */
export const steps: readonly (<S extends Scenario>(scenario: S) => S[])[] = [
  (scenario) => fewerMembers(scenario),
  (scenario) => without(scenario.faults).map((faults) => ({ ...scenario, faults })),
  (scenario) => without(scenario.workload).map((workload) => ({ ...scenario, workload })),
  (scenario) => eachFault(scenario, onceOnly),
  (scenario) => eachFault(scenario, atOnce),
  (scenario) => shorterSafety(scenario),
  (scenario) => eachLink(scenario, { loss: '0%', duplication: '0%' }),
  (scenario) => eachLink(scenario, { jitter: '0s' }),
  (scenario) => calmerClocks(scenario, { skew: '0s' }),
  (scenario) => calmerClocks(scenario, { driftPpm: 0 }),
  (scenario) => (scenario.encode ? [{ ...scenario, encode: false }] : []),
]

export function variantsOf<S extends Scenario>(scenario: S, step: Step<S>): S[] {
  const size = sizeOf(scenario)
  return step(scenario).filter(
    (variant) => sizeOf(variant) < size && inconsistencies(variant).length === 0,
  )
}

/** How much there is to look at. Members, faults and loads weigh what a person has to think of. */
export function sizeOf({ members, faults, workload, durations, links, clocks, encode }: Scenario) {
  const noise = linksOf(links).flatMap(({ loss, duplication, jitter }) => [
    sharePpm(loss) + sharePpm(duplication),
    durationUs(jitter),
  ])
  const knobs = [...noise, durationUs(clocks.skew), clocks.driftPpm, Number(encode)]
  const recurring = faults.filter(isRecurring).length
  const startsUs = faults.reduce((sum, { at }) => sum + durationUs(at), 0)
  return (
    members.count * 1_000_000 +
    (faults.length + workload.length + recurring) * 1_000_000 +
    durationUs(durations.safety) +
    startsUs +
    knobs.filter((knob) => knob > 0).length
  )
}

function fewerMembers<S extends Scenario>(scenario: S): S[] {
  const { members } = scenario
  const half = Math.floor(members.count / 2)
  return [half, members.count - 1]
    .filter((count) => count >= 1)
    .map((count) => ({ ...scenario, members: { ...members, count } }))
}

function shorterSafety<S extends Scenario>(scenario: S): S[] {
  const { durations } = scenario
  const safetyUs = durationUs(durations.safety)
  const half = Math.floor(safetyUs / 2_000_000) * 1_000_000
  return [half, safetyUs - 1_000_000]
    .filter((us) => us >= safetyUsMin)
    .map((us) => ({ ...scenario, durations: { ...durations, safety: durationFrom(us) } }))
}

function without<T>(items: readonly T[]): T[][] {
  return items.map((_, i) => items.filter((_, j) => j !== i))
}

function eachFault<S extends Scenario>(
  scenario: S,
  change: (fault: FaultShape) => FaultShape,
): S[] {
  return scenario.faults.map((changed) => ({
    ...scenario,
    faults: scenario.faults.map((fault) => (fault === changed ? change(fault) : fault)),
  }))
}

function isRecurring({ every, mean }: FaultShape): boolean {
  return every !== undefined || mean !== undefined
}

function onceOnly(fault: FaultShape): FaultShape {
  const { every: _, mean: __, times: ___, ...once } = fault
  return once as FaultShape
}

function atOnce(fault: FaultShape): FaultShape {
  return { ...fault, at: '0s' }
}

function linksOf({ sameRack, sameRegion, betweenRegions }: LinksShape): LinkShape[] {
  return [sameRack, sameRegion, betweenRegions].filter((link) => link !== undefined)
}

function eachLink<S extends Scenario>(scenario: S, change: Partial<LinkShape>): S[] {
  const links = Object.entries(scenario.links).map(([name, link]) => [name, { ...link, ...change }])
  return [{ ...scenario, links: Object.fromEntries(links) as LinksShape }]
}

function calmerClocks<S extends Scenario>(scenario: S, change: Partial<Scenario['clocks']>): S[] {
  return [{ ...scenario, clocks: { ...scenario.clocks, ...change } }]
}
