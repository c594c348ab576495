/**
 * The Alibaba GPU trace, filled as in the paper that published it: its machines with GPUs, its tasks and more
 * drawn from them until they ask for 130 % of the GPUs, in random order. Of each scheduler: the GPU capacity
 * that is left unallocated at the end, the mean over the seeds.
 */
import { Random } from '../../protocol/base/random.ts'
import { balancedBestFit, bestFit, central } from '../../sim/baseline/central.ts'
import { consistentHashing } from '../../sim/baseline/consistent-hashing.ts'
import { fragmentationGradientDescent } from '../../sim/baseline/fgd.ts'
import { usualShapes } from '../../sim/baseline/fragmentation.ts'
import { type MakePacker, type Packed, pack } from '../../sim/baseline/packing.ts'
import { StarlingPacker, usualKnobs } from '../../sim/baseline/starling.ts'
import { gpuCapacityMilli, inflate, withGpus } from '../../sim/trace/inflate.ts'
import { readTrace } from '../../sim/trace/trace.ts'
import { atMost, type Figure } from './figure.ts'

const demandRatio = 1.3
const credit = 'Alibaba cluster-trace-gpu-v2023 (Weng et al., ATC 2023)'
/** About a hundredth of all tasks between two tellings. */
const staleTasks = 100

export function benchTrace(folder: string, seeds: number): Figure[] {
  const trace = readTrace('alibaba-gpu-2023', folder)
  const members = withGpus(trace.members)
  const capacity = gpuCapacityMilli(members)
  const shapes = usualShapes(trace.tasks)
  const schedulers: { readonly [name: string]: (seed: number) => MakePacker } = {
    'central FGD': (seed) => fragmentationGradientDescent(shapes, new Random(seed)),
    ours: () => (machines) => new StarlingPacker(machines),
    'ours, views 1 % of the tasks old': () => (machines) =>
      new StarlingPacker(machines, { ...usualKnobs, tellEvery: staleTasks }),
    'central best-fit': () => central(bestFit),
    'central balanced best-fit': () => central(balancedBestFit),
    'consistent hashing': () => consistentHashing,
  }
  const means = new Map<string, { end: number; full: number }>()
  for (const [name, scheduler] of Object.entries(schedulers)) {
    const runs = Array.from({ length: seeds }, (_, i) => {
      const tasks = inflate(trace.tasks, demandRatio * capacity, new Random(42 + i))
      return pack(members, tasks, scheduler(42 + i))
    })
    means.set(name, { end: mean(runs, atEnd), full: mean(runs, atCapacity) })
  }
  const limit = Number((1.1 * means.get('central FGD')!.end).toFixed(2))
  return [...means].map(([name, { end, full }]) => {
    const figure = {
      name: `GPU left unallocated, ${name}`,
      value: end,
      unit: '%',
      note: `${full.toFixed(2)} % when demand reaches 100 %; ${seeds} seeds; ${credit}`,
    }
    return name === 'ours' ? atMost(limit, figure) : figure
  })
}

function atEnd({ gpuTakenMilli, gpuCapacityMilli: capacity }: Packed): number {
  return 100 - (100 * gpuTakenMilli) / capacity
}

function atCapacity({ gpuTakenAtCapacityMilli, gpuCapacityMilli: capacity }: Packed): number {
  return 100 - (100 * gpuTakenAtCapacityMilli) / capacity
}

function mean(runs: readonly Packed[], of: (run: Packed) => number): number {
  return runs.reduce((sum, run) => sum + of(run), 0) / runs.length
}
