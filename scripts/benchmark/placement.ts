/**
 * The quality and the cost of placement in a large cluster of mixed machines: how full it is when the first
 * task finds no place, what a decision costs, and how many slots a join concerns.
 *
 * A decision is what a steward does for one slot whose candidates' figures are at hand: the walk on the ring,
 * feasibility and score of each member that it passes, and the choice of the best. The messages, the records
 * and the admission are not in it.
 */
import { Random } from '../../protocol/base/random.ts'
import { keyOfJob, keyOfSlot, type PlacementRing } from '../../protocol/placement/placement-ring.ts'
import { balancedBestFit, bestFit, central } from '../../sim/baseline/central.ts'
import { consistentHashing } from '../../sim/baseline/consistent-hashing.ts'
import { mixedMembers, mixedTasks } from '../../sim/baseline/mixed-load.ts'
import { type MakePacker, pack } from '../../sim/baseline/packing.ts'
import { ringOf } from '../../sim/baseline/ring-of.ts'
import { StarlingPacker, specOf, usualKnobs } from '../../sim/baseline/starling.ts'
import { atLeast, atMost, type Figure, median } from './figure.ts'

const slotsLookedAt = 100_000
const joins = 20
const rounds = 9

export function benchPlacement(members: number): Figure[] {
  return [...packed(members), ...decisions(members), joined(members)]
}

function packed(count: number): Figure[] {
  const members = mixedMembers(count)
  const tasks = mixedTasks(members, 1, new Random(1))
  const stale = { ...usualKnobs, tellEvery: Math.ceil(tasks.length / 100) }
  const schedulers: readonly (readonly [string, MakePacker])[] = [
    ['ours', (machines) => new StarlingPacker(machines)],
    ['ours, views up to 1 % of the tasks old', (machines) => new StarlingPacker(machines, stale)],
    ['central balanced best-fit', central(balancedBestFit)],
    ['central best-fit', central(bestFit)],
    ['consistent hashing, 16 tries', consistentHashing],
  ]
  return schedulers.map(([name, make]) => {
    const run = pack(members, tasks, make)
    const figure = {
      name: `full at the first refusal, ${count} members, ${name}`,
      value: 100 * run.fullAtFirstRefusal,
      unit: '%',
      note: `${run.refused} of ${run.tasks} refused, ${(100 * run.full).toFixed(2)} % at the end`,
    }
    return name.startsWith('ours') ? atLeast(95, figure) : figure
  })
}

function decisions(count: number): Figure[] {
  return [0.5, 0.8].map((full) => {
    const members = mixedMembers(count)
    let packer: StarlingPacker | undefined
    pack(members, mixedTasks(members, full, new Random(1)), (machines) => {
      packer = new StarlingPacker(machines)
      return packer
    })
    const { micros, seen } = decide(packer!, count)
    const figure = {
      name: `CPU per decision, ${count} members, ${100 * full} % full`,
      value: micros,
      unit: 'µs',
      note: `walk, feasibility and score of ${seen.toFixed(0)} members; median of ${rounds}`,
    }
    return atMost(2, figure)
  })
}

function decide(packer: StarlingPacker, count: number): { micros: number; seen: number } {
  const demands = mixedTasks(mixedMembers(Math.min(count, 1000)), 0.4, new Random(2))
  const specs = demands.map((demand, i) => specOf(`next-${i}`, demand))
  const micros = Array.from({ length: rounds }, () => {
    packer.seen = 0
    const before = process.cpuUsage()
    for (const spec of specs) packer.decide(spec)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / specs.length
  })
  return { micros: median(micros), seen: packer.seen / specs.length }
}

/** Slots whose first candidate, and jobs whose steward, is another one after a join; times N. */
function joined(count: number): Figure {
  const members = mixedMembers(count + joins)
  const heads = (ring: PlacementRing, key: (i: number) => number): (string | undefined)[] =>
    Array.from({ length: slotsLookedAt }, (_, i) => ring.head(key(i)))
  const slot = (i: number): number => keyOfSlot(`job-${i}`, 0)
  const job = (i: number): number => keyOfJob(`job-${i}`)
  const before = ringOf(members.slice(0, count)).ring
  const after = ringOf(members).ring
  const moved = (key: (i: number) => number): number => {
    const was = heads(before, key)
    return heads(after, key).filter((head, i) => head !== was[i]).length
  }
  const share = (moves: number): number => (moves / slotsLookedAt / joins) * count
  return atMost(1.2, {
    name: `slots whose place on the ring moves with a join, ${count} members`,
    value: share(moved(slot)),
    unit: '/N',
    note: `jobs that change their steward: ${share(moved(job)).toFixed(2)}/N; running slots move: none`,
  })
}
