/**
 * The quality and the cost of placement in a large cluster of mixed machines: how full it is when the first
 * task finds no place, what a decision costs, and how many slots a join concerns.
 *
 * A decision is what a steward does for one slot whose candidates' figures are at hand: the walk on the ring,
 * feasibility and score of each member that it passes, and the choice of the best. The messages, the records
 * and the admission are not in it.
 */
import { Random } from '../../protocol/base/random.ts'
import type { JobSpec } from '../../protocol/placement/job.ts'
import { keyOfJob, keyOfSlot, type PlacementRing } from '../../protocol/placement/placement-ring.ts'
import { balancedBestFit, bestFit, central } from '../../sim/baseline/central.ts'
import { consistentHashing } from '../../sim/baseline/consistent-hashing.ts'
import type { Machines } from '../../sim/baseline/machines.ts'
import { mixedMembers, mixedTasks } from '../../sim/baseline/mixed-load.ts'
import { type MakePacker, pack } from '../../sim/baseline/packing.ts'
import { ringOf } from '../../sim/baseline/ring-of.ts'
import { StarlingPacker, specOf, usualKnobs } from '../../sim/baseline/starling.ts'
import { atLeast, atMost, type Figure, median } from './figure.ts'

const slotsLookedAt = 100_000
const joins = 20
/** Of a fill, in each of which decisions are timed, so often. */
const spells = 100
const rounds = 3

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

/** Of a whole fill, to the first refusal and to 90 %; a smaller one before it warms the machine up. */
function decisions(count: number): Figure[] {
  timedFill(Math.min(count, 1000))
  const fill = timedFill(count)
  const upTo = (full: number, name: string): Figure => {
    const spells = fill.filter((each) => each.full < full)
    const sum = (of: (spell: Spell) => number): number =>
      spells.reduce((total, each) => total + of(each), 0)
    const tasks = sum((each) => each.tasks)
    const seen = sum((each) => each.seen) / tasks
    return {
      name: `CPU per decision, ${count} members, ${name}`,
      value: sum((each) => each.micros) / tasks,
      unit: 'µs',
      note: `walk, feasibility and score of ${seen.toFixed(0)} members`,
    }
  }
  return [
    atMost(2, upTo(1, 'mean of a fill to the first refusal')),
    upTo(0.9, 'mean of it to 90 % full'),
  ]
}

/** Some tasks in a row, which were all decided upon as things were before the first of them. */
interface Spell {
  readonly full: number
  readonly tasks: number
  /** CPU of all, the median of some rounds. */
  readonly micros: number
  readonly seen: number
}

function timedFill(count: number): Spell[] {
  const members = mixedMembers(count)
  const tasks = mixedTasks(members, 1, new Random(1))
  const spellLength = Math.ceil(tasks.length / spells)
  const timed: Spell[] = []
  let taken: number[] = []
  let isRefused = false
  pack(members, tasks, (machines) => {
    const packer = new StarlingPacker(machines)
    return {
      choose: (task, sequence) => {
        if (sequence % spellLength === 0 && !isRefused) {
          const next = tasks.slice(sequence, sequence + spellLength)
          const specs = next.map((each, i) => specOf(`task-${sequence + i}`, each))
          timed.push({ full: fullnessOf(machines), ...timeDecisions(packer, specs, taken) })
          taken = []
        }
        const choice = packer.choose(task, sequence)
        if (choice === undefined) isRefused = true
        else taken.push(choice.machine)
        return choice
      },
    }
  })
  return timed
}

/** Each round begins with the news of who took the tasks before, so figures are read again as in the fill. */
function timeDecisions(
  packer: StarlingPacker,
  specs: readonly JobSpec[],
  taken: readonly number[],
): Omit<Spell, 'full'> {
  packer.seen = 0
  const micros = Array.from({ length: rounds }, () => {
    for (const machine of taken) packer.tell(machine)
    const before = process.cpuUsage()
    for (const spec of specs) packer.decide(spec)
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return { tasks: specs.length, micros: median(micros), seen: packer.seen / rounds }
}

/** The mean of CPU and memory. */
function fullnessOf({ members, cpu, memory }: Machines): number {
  const sum = (amounts: Iterable<number>): number => {
    let total = 0
    for (const each of amounts) total += each
    return total
  }
  const cpuLeft = sum(cpu) / sum(members.map((each) => each.cpu))
  const memoryLeft = sum(memory) / sum(members.map((each) => each.memory))
  return 1 - (cpuLeft + memoryLeft) / 2
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
