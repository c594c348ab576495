/**
 * Central schedulers that see every machine as it is and take the one with the lowest score: the ideal that
 * a scheduler without a centre is measured against. Ties go to the machine with the lower index.
 */
import { balancedFit } from '../../protocol/placement/score.ts'
import type { Demand } from '../trace/trace.ts'
import type { Machines } from './machines.ts'
import type { MakePacker } from './packing.ts'

/** The lower the better; the machine has the room. */
export type Score = (machines: Machines, i: number, task: Demand) => number

export function central(score: Score): MakePacker {
  return (machines) => ({
    choose: (task) => {
      let best = -1
      let lowest = Number.POSITIVE_INFINITY
      for (let i = 0; i < machines.size; i++) {
        if (!machines.fits(i, task)) continue
        const value = score(machines, i, task)
        if (value < lowest) {
          lowest = value
          best = i
        }
      }
      return best < 0 ? undefined : { machine: best }
    },
  })
}

/** One whole capacity, as in the product's score. */
const one = 2 ** 16

/** The machine on which the least stays free, over all kinds of resources. */
export const bestFit: Score = (machines, i, task) => {
  const { cpu, memory, devices } = machines.members[i]!
  const gpu =
    devices === 0 ? 0 : (machines.gpu[i]! - task.devices * task.shareMilli) / (devices * 1000)
  return (machines.cpu[i]! - task.cpu) / cpu + (machines.memory[i]! - task.memory) / memory + gpu
}

/** The product's own formula over CPU and memory; machines with GPUs are kept for tasks that want one. */
export const balancedBestFit: Score = (machines, i, task) => {
  const { cpu, memory } = machines.members[i]!
  const fit = balancedFit(
    Math.floor(((machines.cpu[i]! - task.cpu) * one) / cpu),
    Math.floor(((machines.memory[i]! - task.memory) * one) / memory),
  )
  return task.devices === 0 && machines.gpu[i]! > 0 ? fit + one / 2 : fit
}
