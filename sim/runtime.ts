/**
 * One machine's container engine: tasks start after a delay, sometimes fail to, sometimes exit; they survive
 * the death of the agent and not that of the machine. It is the ground truth of what runs where. Not
 * modelled: images and their download, the load that tasks put on the machine.
 */
import type { AllocationId } from '../protocol/base/id.ts'
import { sortedValues } from '../protocol/base/order.ts'
import type { Random } from '../protocol/base/random.ts'
import type { StartTask } from '../protocol/effect.ts'
import type { ObservedTask } from '../protocol/event.ts'
import { add, noResources, type Resources, subtract } from '../protocol/placement/resources.ts'

export interface RunningTask {
  readonly allocation: AllocationId
  readonly job: string
  readonly slot: number
  readonly task: string
  readonly resources: Resources
  readonly ports: { readonly [name: string]: number }
  readonly pid: number
}

export class TaskRuntime {
  readonly #random: Random
  readonly #running = new Map<string, RunningTask>()
  readonly #ports = new Map<AllocationId, number[]>()
  #lastPid = 100
  #used: Resources = noResources
  /** Told of each task that begins (1) and ends (-1) to run, for the metrics. */
  onChange: ((task: RunningTask, change: 1 | -1) => void) | undefined

  constructor(random: Random) {
    this.#random = random
  }

  startDelayUs(): number {
    return 5000 + this.#random.below(60_000)
  }

  stopDelayUs(): number {
    return 1000 + this.#random.below(20_000)
  }

  /** One start in 200 fails; half of those leave it unknown whether it did. */
  startFails(): 'no' | 'definitely' | 'unknown' {
    if (!this.#random.chance(1, 200)) return 'no'
    return this.#random.chance(1, 2) ? 'definitely' : 'unknown'
  }

  start(effect: StartTask): RunningTask {
    const key = `${effect.allocation}/${effect.task.name}`
    const held = this.#running.get(key)
    if (held !== undefined) return held
    this.#lastPid += 1
    const { allocation, job, slot, ports } = effect
    const { name: task, resources } = effect.task
    const running = { allocation, job, slot, task, resources, ports, pid: this.#lastPid }
    this.#running.set(key, running)
    this.#used = add(this.#used, resources)
    this.onChange?.(running, 1)
    return running
  }

  stop(allocation: AllocationId, task: string): boolean {
    const key = `${allocation}/${task}`
    const held = this.#running.get(key)
    if (held === undefined) return false
    this.#running.delete(key)
    this.#used = subtract(this.#used, held.resources)
    this.onChange?.(held, -1)
    return true
  }

  has(allocation: AllocationId, task: string): boolean {
    return this.#running.has(`${allocation}/${task}`)
  }

  removeAllocation(allocation: AllocationId): void {
    for (const task of this.running())
      if (task.allocation === allocation) this.stop(allocation, task.task)
    this.releasePorts(allocation)
  }

  reservePorts(
    allocation: AllocationId,
    wanted: readonly { name: string; host: number | null }[],
  ): { [name: string]: number } | undefined {
    const taken = new Set([...this.#ports.values()].flat())
    const ports: { [name: string]: number } = {}
    for (const { name, host } of wanted) {
      let port = host ?? 20_000
      if (host !== null && taken.has(host)) return undefined
      while (taken.has(port)) port++
      taken.add(port)
      ports[name] = port
    }
    this.#ports.set(allocation, Object.values(ports))
    return ports
  }

  releasePorts(allocation: AllocationId): void {
    this.#ports.delete(allocation)
  }

  running(): RunningTask[] {
    return sortedValues(this.#running)
  }

  used(): Resources {
    return this.#used
  }

  observe(): ObservedTask[] {
    return this.running().map(({ allocation, task, pid, ports }) => {
      return { allocation, task, running: true, pid, containerId: null, ports, exitCode: null }
    })
  }

  /** The machine lost power. */
  clear(): void {
    for (const { allocation, task } of this.running()) this.stop(allocation, task)
    this.#ports.clear()
  }
}
