/**
 * The fragmentation measure of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023): how much of a
 * machine's free GPU capacity is of no use to a task drawn from the usual ones. For a task that does not fit
 * (too little CPU, or too few devices with its share) it is all that is free; for one that fits it is what
 * lies on devices with less than the share; for a task without GPU it is all. The measure is the mean over
 * the usual tasks.
 */
import type { Demand } from '../trace/trace.ts'

/** One kind of the usual tasks, with the share of all tasks that are of it. */
export interface Shape {
  readonly demand: Demand
  readonly weight: number
}

/** All kinds that occur. The paper's tool cuts the rarest 5 % off; with its rule here, FGD does worse. */
export function usualShapes(tasks: readonly Demand[]): Shape[] {
  const counts = new Map<string, { demand: Demand; count: number }>()
  for (const demand of tasks) {
    const key = shapeOf(demand)
    const held = counts.get(key)
    if (held === undefined) counts.set(key, { demand, count: 1 })
    else held.count++
  }
  return [...counts.values()].map(({ demand, count }) => ({ demand, weight: count / tasks.length }))
}

/** The measure does not look at memory. */
function shapeOf({ cpu, devices, shareMilli, models }: Demand): string {
  return `${cpu} ${devices} ${shareMilli} ${models.join('|')}`
}

/** What a machine has left: CPU, and milli of each device. */
export interface Left {
  readonly cpu: number
  readonly devices: Int32Array
  readonly model: string
}

/** Milli of GPU, in the mean over the shapes. */
export function fragmentation({ cpu, devices, model }: Left, shapes: readonly Shape[]): number {
  let total = 0
  for (const free of devices) total += free
  if (total === 0) return 0
  let sum = 0
  for (const { demand, weight } of shapes) {
    const useless = fits(demand, cpu, devices, model) ? below(devices, demand.shareMilli) : total
    sum += weight * useless
  }
  return sum
}

function fits(demand: Demand, cpu: number, devices: Int32Array, model: string): boolean {
  if (demand.devices === 0 || cpu < demand.cpu) return false
  if (demand.models.length > 0 && !demand.models.includes(model)) return false
  let wanted = demand.devices
  for (const free of devices) if (free >= demand.shareMilli) wanted--
  return wanted <= 0
}

function below(devices: Int32Array, shareMilli: number): number {
  let sum = 0
  for (const free of devices) if (free < shareMilli) sum += free
  return sum
}
