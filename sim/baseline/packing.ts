/**
 * One packing run: tasks come one after the other, a scheduler names a machine for each or refuses, and
 * nothing ends. It is how far a cluster can be filled, which is the hardest question to a placement; all
 * schedulers answer it with the same machines, the same tasks and the same order.
 */
import { invariant } from '../../protocol/base/invariant.ts'
import { gpuMilliOf } from '../trace/inflate.ts'
import type { Demand, TraceMember } from '../trace/trace.ts'
import { Machines } from './machines.ts'

export interface Choice {
  readonly machine: number
  /** Where a share goes; left out, the fullest device that has it. */
  readonly device?: number
}

export interface Packer {
  /** The machine for the task; undefined refuses it. It may only name one that has the room. */
  choose(task: Demand, sequence: number): Choice | undefined
}

export type MakePacker = (machines: Machines) => Packer

export interface Packed {
  readonly tasks: number
  readonly refused: number
  /** Share of what is there that was taken when the first task was refused: the mean of CPU and memory. */
  readonly fullAtFirstRefusal: number
  readonly full: number
  readonly gpuCapacityMilli: number
  readonly gpuTakenMilli: number
  /** The same when the tasks had asked for as much as there is. */
  readonly gpuTakenAtCapacityMilli: number
  readonly machines: Machines
}

export function pack(
  members: readonly TraceMember[],
  tasks: readonly Demand[],
  make: MakePacker,
): Packed {
  const machines = new Machines(members)
  const packer = make(machines)
  const meter = new Meter(machines)
  let refused = 0
  let fullAtFirstRefusal: number | undefined
  let gpuTakenAtCapacityMilli: number | undefined
  tasks.forEach((task, sequence) => {
    const choice = packer.choose(task, sequence)
    if (choice === undefined) {
      refused++
      fullAtFirstRefusal ??= meter.full()
    } else {
      invariant(machines.fits(choice.machine, task), 'a scheduler names a machine that has room')
      machines.take(choice.machine, task, choice.device)
    }
    meter.count(task, choice !== undefined)
    if (meter.gpuAsked >= meter.gpuCapacity) gpuTakenAtCapacityMilli ??= meter.gpuTaken
  })
  return {
    tasks: tasks.length,
    refused,
    fullAtFirstRefusal: fullAtFirstRefusal ?? meter.full(),
    full: meter.full(),
    gpuCapacityMilli: meter.gpuCapacity,
    gpuTakenMilli: meter.gpuTaken,
    gpuTakenAtCapacityMilli: gpuTakenAtCapacityMilli ?? meter.gpuTaken,
    machines,
  }
}

/** Sums as the run goes, so that a look at them costs nothing. */
class Meter {
  readonly gpuCapacity: number
  gpuAsked = 0
  gpuTaken = 0
  readonly #cpuCapacity: number
  readonly #memoryCapacity: number
  #cpu = 0
  #memory = 0

  constructor({ cpu, memory, gpu }: Machines) {
    this.#cpuCapacity = cpu.reduce((sum, each) => sum + each, 0)
    this.#memoryCapacity = memory.reduce((sum, each) => sum + each, 0)
    this.gpuCapacity = gpu.reduce((sum, each) => sum + each, 0)
  }

  count(task: Demand, isTaken: boolean): void {
    this.gpuAsked += gpuMilliOf(task)
    if (!isTaken) return
    this.gpuTaken += gpuMilliOf(task)
    this.#cpu += task.cpu
    this.#memory += task.memory
  }

  full(): number {
    return (this.#cpu / this.#cpuCapacity + this.#memory / this.#memoryCapacity) / 2
  }
}
