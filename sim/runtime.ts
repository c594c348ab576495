/**
 * One machine's runtimes, and the ground truth of what runs where. A task begins to run halfway through its start;
 * the agent hears of it at the end, if it still lives then. Tasks survive the death of the agent and not that of
 * the machine; `sleep N` ends after N seconds, and what ends while no agent watches is found by the next one.
 * Some starts fail, half of those without telling whether the task runs. Delays are as measured (measured.ts).
 *
 * Not modelled: the load that tasks put on the machine, memory that runs out, health that changes.
 */
import type { AllocationId } from '../protocol/base/id.ts'
import { sortedValues } from '../protocol/base/order.ts'
import type { Random } from '../protocol/base/random.ts'
import type { StartTask, StopTask, WatchChecks } from '../protocol/effect.ts'
import type { Event, ObservedTask } from '../protocol/event.ts'
import type { TaskSpec } from '../protocol/placement/job.ts'
import { add, noResources, type Resources, subtract } from '../protocol/placement/resources.ts'
import { Images } from './images.ts'
import { containerStart, containerStop, processStart, processStop } from './measured.ts'
import { HostPorts } from './ports.ts'
import { Delay } from './quantile.ts'
import { lifetimeUs } from './task-life.ts'

export interface RunningTask {
  readonly allocation: AllocationId
  readonly job: string
  readonly slot: number
  readonly task: string
  readonly resources: Resources
  readonly ports: { readonly [name: string]: number }
  readonly pid: number | null
  readonly containerId: string | null
  readonly isContainer: boolean
}

/** How far a task has come that another program has started, and what it is known by. */
export type Underway = Pick<RunningTask, 'pid' | 'containerId'> & { readonly ranUs: number }

/** Whose runtimes they are. */
export interface TaskMachine {
  readonly nowUs: number
  /** Counts the agent's starts: what one asked for is not told to the next. */
  readonly life: number
  /** In the machine's time, whatever becomes of the agent. */
  after(delayUs: number, run: () => void): void
  /** Tells the agent of that life; false when it is gone. */
  tell(life: number, event: Event): boolean
}

interface Starting {
  readonly beginsAtUs: number
  readonly endsAtUs: number
}

const delays = {
  process: { start: new Delay(processStart), stop: new Delay(processStop) },
  container: { start: new Delay(containerStart), stop: new Delay(containerStop) },
}
/** The first check runs this long after it is watched, as in node/runtime/health.ts. */
const firstCheckUs = 50_000
const killed = 137
const terminated = 143
const million = 1_000_000
/** Longer than any image takes. */
const oneDayUs = 86_400 * million

export class TaskRuntime {
  readonly ports = new HostPorts()
  readonly images = new Images()
  /** Starts that the engine refuses, in millionths; and those that go wrong by themselves. */
  refusedPpm = 0
  failedPpm = 5000
  /** Mean time until a task dies by itself; 0 for never. */
  crashMeanUs = 0
  readonly counts = { started: 0, refused: 0, unknown: 0, exited: 0, crashed: 0, unwatched: 0 }
  /** Told of each task that begins (1) and ends (-1) to run, for the metrics. */
  onChange: ((task: RunningTask, change: 1 | -1) => void) | undefined
  /** Told of each start, for the capacity checker. */
  onStart: (() => void) | undefined
  readonly #machine: TaskMachine
  readonly #random: Random
  readonly #running = new Map<string, RunningTask>()
  readonly #ended = new Map<string, ObservedTask>()
  readonly #starting = new Map<string, Starting>()
  readonly #watched = new Map<string, number>()
  /** Counts power failures: what was under way then never happens. */
  #power = 0
  #lastPid = 100
  #lastWatch = 0
  #used: Resources = noResources

  constructor(machine: TaskMachine, random: Random) {
    this.#machine = machine
    this.#random = random
  }

  start(effect: StartTask): void {
    const { id } = effect
    const { life } = this.#machine
    const key = keyOf(effect.allocation, effect.task.name)
    const { beginsAtUs, endsAtUs } = this.#starting.get(key) ?? this.#startUnder(key, effect)
    const outcome = this.#outcome()
    const { nowUs } = this.#machine
    this.#later(beginsAtUs - nowUs, () => {
      if (outcome !== 'refused') this.#begin(key, effect)
    })
    this.#later(endsAtUs - nowUs, () => {
      this.#starting.delete(key)
      if (outcome !== 'started') this.#machine.tell(life, failure(id, outcome === 'refused'))
      else this.#machine.tell(life, this.#started(key, effect))
    })
  }

  stop({ id, allocation, task }: StopTask): void {
    const { life, nowUs } = this.#machine
    const key = keyOf(allocation, task)
    const held = this.#running.get(key)
    const delay = held?.isContainer ? delays.container.stop : delays.process.stop
    const beginsInUs = Math.max(0, (this.#starting.get(key)?.beginsAtUs ?? 0) - nowUs)
    this.#later(beginsInUs + delay.drawUs(this.#random), () => {
      this.#end(key)
      const stopped = { type: 'task-stopped', id, allocation, task, exitCode: terminated } as const
      this.#machine.tell(life, stopped)
    })
  }

  /** A task that runs already. */
  restore(effect: Omit<StartTask, 'type' | 'id'>, underway: Underway): void {
    const { allocation, ports, task } = effect
    const wanted = Object.entries(ports).map(([name, host]) => ({ name, host }))
    this.ports.reserve(allocation, wanted)
    if (task.docker) this.images.waitUs(task.docker.image, 'missing', -oneDayUs)
    this.#begin(keyOf(allocation, task.name), effect, underway)
  }

  /** Every check passes the first time that it runs. */
  watch({ allocation, task }: WatchChecks): void {
    const { life } = this.#machine
    const key = keyOf(allocation, task.name)
    const watch = ++this.#lastWatch
    this.#watched.set(key, watch)
    task.checks.forEach((_, check) => {
      this.#later(firstCheckUs + check, () => {
        if (this.#watched.get(key) !== watch || !this.#running.has(key)) return
        const report = { allocation, task: task.name, check, passing: true, output: '' }
        this.#machine.tell(life, { type: 'check-reported', ...report })
      })
    })
  }

  unwatch(allocation: AllocationId, task: string): void {
    this.#watched.delete(keyOf(allocation, task))
  }

  remove(allocation: AllocationId): void {
    for (const [key, task] of this.#running) if (task.allocation === allocation) this.#end(key)
    for (const [key, task] of this.#ended)
      if (task.allocation === allocation) this.#ended.delete(key)
    this.ports.release(allocation)
  }

  running(): RunningTask[] {
    return sortedValues(this.#running)
  }

  used(): Resources {
    return this.#used
  }

  /** What a new agent finds. */
  observe(): ObservedTask[] {
    this.#watched.clear()
    const running = this.running().map(({ allocation, task, pid, containerId, ports }) => {
      return { allocation, task, running: true, pid, containerId, ports, exitCode: null }
    })
    return [...running, ...sortedValues(this.#ended)]
  }

  /** The machine lost power; containers are found ended. */
  clear(): void {
    this.#power++
    this.#starting.clear()
    for (const key of [...this.#running.keys()]) this.#end(key)
    this.ports.clear()
  }

  #startUnder(key: string, { task }: StartTask): Starting {
    const { nowUs } = this.#machine
    const held = this.#running.has(key)
    const delay = task.docker ? delays.container.start : delays.process.start
    const pullUs = task.docker ? this.images.waitUs(task.docker.image, task.docker.pull, nowUs) : 0
    const us = held ? 1 : pullUs + delay.drawUs(this.#random)
    const starting = { beginsAtUs: nowUs + Math.ceil(us / 2), endsAtUs: nowUs + us }
    this.#starting.set(key, starting)
    return starting
  }

  #outcome(): 'started' | 'refused' | 'unknown' {
    const isRefused = this.refusedPpm > 0 && this.#random.chance(this.refusedPpm, million)
    const isFailed = this.#random.chance(this.failedPpm, million)
    const outcome = isRefused ? 'refused' : isFailed ? this.#random.pick(failed)! : 'started'
    this.counts[outcome]++
    return outcome
  }

  #begin(key: string, effect: Omit<StartTask, 'type' | 'id'>, underway?: Underway): void {
    if (this.#running.has(key)) return
    const { allocation, job, slot, ports } = effect
    const { name: task, resources, docker } = effect.task
    const isContainer = docker !== undefined
    const { pid, containerId, ranUs } = underway ?? this.#fresh()
    const running = {
      ...{ allocation, job, slot, task, resources, ports },
      ...{ pid, containerId, isContainer },
    }
    this.#running.set(key, running)
    this.#ended.delete(key)
    this.#used = add(this.#used, resources)
    this.onChange?.(running, 1)
    this.onStart?.()
    this.#liveOut(key, running, effect.task, ranUs)
  }

  #fresh(): Underway {
    this.#lastPid += 1
    return { pid: this.#lastPid, containerId: null, ranUs: 0 }
  }

  #liveOut(key: string, running: RunningTask, task: TaskSpec, ranUs: number): void {
    const { untilUs, exitCode } = lifetimeUs(task, this.crashMeanUs, this.#random)
    if (!Number.isFinite(untilUs)) return
    this.#later(untilUs - ranUs, () => {
      if (this.#running.get(key) !== running) return
      this.counts[exitCode === killed ? 'crashed' : 'exited']++
      this.#exit(key, running, exitCode)
    })
  }

  #exit(key: string, { allocation, task, ports, isContainer }: RunningTask, code: number): void {
    this.#end(key)
    const { life } = this.#machine
    const reason = `exited with ${code}`
    const exited = { type: 'task-exited', allocation, task, exitCode: code, reason } as const
    const wasHeard = this.#machine.tell(life, exited)
    if (!wasHeard) this.counts.unwatched++
    // Only an engine remembers how a task ended that no agent was watching.
    const exitCode = wasHeard || isContainer ? code : null
    const ended = {
      allocation,
      task,
      running: false,
      pid: null,
      containerId: null,
      ports,
      exitCode,
    }
    this.#ended.set(key, ended)
  }

  #started(key: string, { id, allocation, task }: StartTask): Event {
    const pid = this.#running.get(key)?.pid ?? null
    return { type: 'task-started', id, allocation, task: task.name, pid, containerId: null }
  }

  #end(key: string): void {
    const held = this.#running.get(key)
    if (held === undefined) return
    this.#running.delete(key)
    this.#used = subtract(this.#used, held.resources)
    this.onChange?.(held, -1)
  }

  #later(delayUs: number, run: () => void): void {
    const power = this.#power
    this.#machine.after(Math.max(0, delayUs), () => {
      if (this.#power === power) run()
    })
  }
}

const failed = ['refused', 'unknown'] as const

function keyOf(allocation: AllocationId, task: string): string {
  return `${allocation}/${task}`
}

function failure(id: number, definite: boolean): Event {
  const [code, detail] = definite
    ? ['start-failed', 'the engine refused']
    : ['engine-unreachable', 'the engine hung up before it answered']
  return { type: 'effect-failed', id, code: code!, detail: detail!, definite }
}
