/**
 * A cluster filled as in the FGD paper's experiments: only the machines with GPUs; all tasks of the trace, and
 * more drawn from it, until what they ask of the GPUs reaches a share of all there are; in random order.
 * 130 % is past full for every scheduler.
 */
import { invariant } from '../../protocol/base/invariant.ts'
import type { Random } from '../../protocol/base/random.ts'
import { type Demand, deviceMilli, type TraceMember } from './trace.ts'

export function gpuMilliOf({ devices, shareMilli }: Demand): number {
  return devices * shareMilli
}

export function withGpus(members: readonly TraceMember[]): TraceMember[] {
  return members.filter(({ devices }) => devices > 0)
}

export function gpuCapacityMilli(members: readonly TraceMember[]): number {
  return members.reduce((sum, { devices }) => sum + devices * deviceMilli, 0)
}

/** All the tasks if they ask for less than that, then drawn ones until it is reached; shuffled. */
export function inflate<D extends Demand>(
  tasks: readonly D[],
  upToMilli: number,
  random: Random,
): D[] {
  const asked = tasks.reduce((sum, task) => sum + gpuMilliOf(task), 0)
  invariant(asked > 0, 'some task asks for a GPU')
  const all = asked <= upToMilli ? [...tasks] : []
  for (let demand = asked <= upToMilli ? asked : 0; demand < upToMilli; ) {
    const task = random.pick(tasks)!
    all.push(task)
    demand += gpuMilliOf(task)
  }
  return random.shuffle(all)
}
