/**
 * A scenario drawn from a seed, for the fuzzer and the tests: of the same shape as the files, so that what breaks
 * can be shrunk and written down as one.
 */
import { Random } from '../../protocol/base/random.ts'
import type { FaultShape } from './fault-shape.ts'
import { durationFrom, shareFrom } from './quantity.ts'
import { type Scenario, usualClass } from './shape.ts'
import type { WorkloadShape } from './workload-shape.ts'

/** A scenario with the seed that it is run with. */
export interface SeededScenario extends Scenario {
  readonly seed: number
}

const one = { count: 1 }
const half = { share: '50%' }
const seconds = (from: number, to: number) => `${from}s..${to}s`

/** How each fault looks when nobody has said how: one member, or half of them, for some seconds. */
const drawable: readonly FaultShape[] = [
  { fault: 'kill-agent', at: '0s', target: one, for: '200ms..15s' },
  { fault: 'power-off', at: '0s', target: one, for: '200ms..15s' },
  { fault: 'cut', at: '0s', target: half, for: seconds(2, 22) },
  { fault: 'deafen', at: '0s', target: one, other: one, direction: 'in', for: seconds(5, 30) },
  { fault: 'fill-disk', at: '0s', target: one, for: seconds(1, 11) },
  { fault: 'add-members', at: '0s', count: 1 },
  { fault: 'restart-agent', at: '0s', target: one, for: '200ms..5s' },
  // Only once: two machines and their disks at a time are more than two copies can bear.
  { fault: 'destroy', at: '0s', target: one, times: 1 },
  { fault: 'flap', at: '0s', target: one, down: '200ms..3s', up: '200ms..3s', for: seconds(3, 15) },
  { fault: 'lose', at: '0s', target: one, loss: '30%', for: seconds(2, 10) },
  { fault: 'slow', at: '0s', target: one, delay: '10ms..1s', for: seconds(2, 10) },
  { fault: 'jump-clock', at: '0s', target: one, by: '7s' },
  { fault: 'jump-clock', at: '0s', target: one, by: '-7s' },
  { fault: 'drain', at: '0s', target: one, for: seconds(2, 10) },
  { fault: 'flood', at: '0s', target: one, perSecond: 50, for: seconds(1, 5) },
  { fault: 'fail-starts', at: '0s', target: one, share: '50%', for: seconds(1, 5) },
]

export function drawScenario(
  seed: number,
  limits = { membersMin: 50, membersMax: 200 },
): SeededScenario {
  const random = new Random(seed)
  // The smaller of two: what a large cluster costs to simulate is better spent on more seeds.
  const more = () => random.below(limits.membersMax - limits.membersMin + 1)
  const count = limits.membersMin + Math.min(more(), more())
  const faults = random.shuffle([...drawable]).slice(0, 3 + random.below(4))
  // One fault each one to four seconds, whichever.
  const mean = durationFrom(faults.length * (1 + random.below(4)) * 1_000_000)
  return {
    seed,
    name: `drawn-${seed}`,
    about: `Drawn from seed ${seed}.`,
    members: { count, classes: [usualClass], regions: [{ name: 'one', weight: 1 }] },
    links: { sameRack: drawLink(random) },
    clocks: { skew: `${random.below(300)}ms`, driftPpm: 0 },
    workload: [drawWorkload(random)],
    faults: faults.map((fault) => ({ ...fault, at: `${random.below(10_000)}ms`, mean })),
    durations: { boot: '60s', bootSpread: '1s', safety: '15s', liveness: '90s' },
    expect: [],
    idleKnobs: 'tell',
    promises: ['S1', 'S2', 'S3', 'S4'],
    encode: random.chance(1, 2),
    // A boot takes longer to simulate than all that comes after it.
    start: random.chance(1, 4) ? 'cold' : 'warm',
  }
}

function drawLink(random: Random): Scenario['links']['sameRack'] {
  return {
    latency: `200us..${1000 + random.below(40_000)}us`,
    jitter: '0s',
    loss: shareFrom(random.below(4) * 10_000),
    duplication: '0%',
  }
}

function drawWorkload(random: Random): WorkloadShape {
  return {
    load: 'arrivals',
    at: '0s',
    mean: `${200 + random.below(800)}ms`,
    low: '20%',
    acts: { submit: 4, scale: 3, edit: 2, delete: 1 },
    type: 'service',
    count: '0..7',
    cpu: '50..400',
    memory: '32..512',
    sizes: 'even',
    ports: '50%',
    constraints: [],
    lifetimes: 'even',
  }
}
