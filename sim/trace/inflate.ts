/**
 * A cluster filled as in the FGD paper: tasks drawn from the trace, with replacement and in random order,
 * until what they ask of the GPUs reaches a share of all there are. 130 % is past full for every scheduler.
 */
import { invariant } from '../../protocol/base/invariant.ts'
import type { Random } from '../../protocol/base/random.ts'
import { type Demand, deviceMilli, type TraceMember } from './trace.ts'

export function gpuMilliOf({ devices, shareMilli }: Demand): number {
  return devices * shareMilli
}

export function gpuCapacityMilli(members: readonly TraceMember[]): number {
  return members.reduce((sum, { devices }) => sum + devices * deviceMilli, 0)
}

export function inflate<D extends Demand>(
  tasks: readonly D[],
  upToMilli: number,
  random: Random,
): D[] {
  invariant(
    tasks.some((task) => task.devices > 0),
    'some task asks for a GPU',
  )
  const drawn: D[] = []
  for (let demand = 0; demand < upToMilli; ) {
    const task = random.pick(tasks)!
    drawn.push(task)
    demand += gpuMilliOf(task)
  }
  return drawn
}
