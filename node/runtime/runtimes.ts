/**
 * The runtimes of this node as one: each task goes to the one that its spec names. An engine may come and go,
 * also before the agent has ever seen it; then what it runs of ours is found, and told, once it answers.
 */
import type { AllocationId } from '../../protocol/base/id.ts'
import type { ObservedTask } from '../../protocol/event.ts'
import type { Resources } from '../../protocol/placement/resources.ts'
import { wasNotRunning } from './exit.ts'
import { type CapacityWishes, MachineUse, machineCapacity } from './machine.ts'
import {
  type LogOptions,
  type Runtime,
  RuntimeFailure,
  type TaskExit,
  type TaskRef,
  type TaskStart,
  type TaskStarted,
  type TaskStats,
} from './runtime.ts'

type Kind = Runtime['kind']

export interface RuntimesOptions {
  readonly runtimes: readonly Runtime[]
  /** Those that this node is meant to have; another that never answers is no trouble. @default [] */
  readonly required?: readonly Kind[]
  readonly dataDir: string
  /** @default 3000 */
  readonly pollIntervalMs?: number
  readonly onKindsChanged?: (kinds: Kind[]) => void
  /** A runtime that did not answer when the agent started has: this is all that it runs of ours. */
  readonly onFound?: (tasks: ObservedTask[]) => void
}

interface Member {
  readonly runtime: Runtime
  isAvailable: boolean
  /** What it ran before this life of the agent is known. */
  isObserved: boolean
  /** Allocations whose rest could not be removed yet. */
  readonly unremoved: Set<AllocationId>
}

/** An engine that is away for so long that more are waiting is not coming back. */
const unremovedMax = 10_000

export class Runtimes {
  readonly #options: RuntimesOptions
  readonly #members: readonly Member[]
  readonly #kindOf = new Map<string, Kind>()
  readonly #use: MachineUse
  #timer: NodeJS.Timeout | undefined
  #isPolling = false
  #isClosed = false

  constructor(options: RuntimesOptions) {
    this.#options = options
    this.#use = new MachineUse(options.dataDir)
    this.#members = options.runtimes.map((runtime) => ({
      runtime,
      isAvailable: false,
      isObserved: false,
      unremoved: new Set<AllocationId>(),
    }))
  }

  /** Once, first: what is there, and what already runs. */
  async open(): Promise<ObservedTask[]> {
    const found = await Promise.all(this.#members.map((member) => this.#look(member)))
    this.#timer = setInterval(() => void this.#poll(), this.#options.pollIntervalMs ?? 3000)
    this.#timer.unref()
    return found.flat()
  }

  kinds(): Kind[] {
    return this.#members.filter((each) => each.isAvailable).map((each) => each.runtime.kind)
  }

  /** Those whose tasks of before this life of the agent are not known yet. */
  unanswered(): Kind[] {
    return this.#members.filter((each) => !each.isObserved).map((each) => each.runtime.kind)
  }

  /** What keeps this node from running what it should or did run, for a person. */
  troubles(): string[] {
    const { required = [] } = this.#options
    return this.#members.flatMap(({ runtime, isAvailable, isObserved }) => {
      if (isAvailable || !(isObserved || required.includes(runtime.kind))) return []
      return runtime.trouble() ?? []
    })
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return
    this.#isPolling = true
    const before = this.kinds().join()
    const unanswered = this.unanswered().length
    const found = await Promise.all(this.#members.map((member) => this.#look(member)))
    this.#isPolling = false
    if (this.#isClosed) return
    if (before !== this.kinds().join()) this.#options.onKindsChanged?.(this.kinds())
    if (this.unanswered().length < unanswered) this.#options.onFound?.(found.flat())
  }

  /** Answers with what was found, the first time that it answers at all. Never rejects. */
  async #look(member: Member): Promise<ObservedTask[]> {
    member.isAvailable = await member.runtime.available()
    if (!member.isAvailable) return []
    for (const allocation of [...member.unremoved]) await this.#removeFrom(member, allocation)
    if (member.isObserved) return []
    try {
      const tasks = await member.runtime.observe()
      member.isObserved = true
      for (const task of tasks) this.#kindOf.set(keyOf(task), member.runtime.kind)
      return tasks
    } catch {
      // It went away meanwhile.
      member.isAvailable = false
      return []
    }
  }

  async start(task: TaskStart): Promise<TaskStarted> {
    const kind: Kind = task.spec.docker ? 'docker' : 'process'
    const runtime = this.#runtime(kind)
    this.#kindOf.set(keyOf(task), kind)
    return await runtime.start(task)
  }

  async stop(ref: TaskRef, graceMs: number): Promise<TaskExit> {
    const kind = this.#kindOf.get(keyOf(ref))
    if (kind) return await this.#runtime(kind).stop(ref, graceMs)
    // Never met: whoever has been asked what it runs can say so.
    const asked = this.#members.filter((each) => each.isObserved)
    const exits = await Promise.all(asked.map(({ runtime }) => runtime.stop(ref, graceMs)))
    return exits.find((exit) => exit !== wasNotRunning) ?? wasNotRunning
  }

  /** What cannot be removed now, since its engine is away, is removed when it is back. */
  async remove(allocation: AllocationId): Promise<void> {
    for (const key of this.#kindOf.keys())
      if (key.startsWith(`${allocation}/`)) this.#kindOf.delete(key)
    await Promise.all(this.#members.map((member) => this.#removeFrom(member, allocation)))
  }

  async #removeFrom(member: Member, allocation: AllocationId): Promise<void> {
    try {
      await member.runtime.remove(allocation)
      member.unremoved.delete(allocation)
    } catch {
      if (member.unremoved.size < unremovedMax) member.unremoved.add(allocation)
    }
  }

  /** What an engine that is away keeps stays there: the next agent knows of it. */
  async leave(): Promise<void> {
    const there = this.#members.filter(({ isAvailable }) => isAvailable)
    await Promise.allSettled(there.map(({ runtime }) => runtime.leave()))
  }

  logs(ref: TaskRef, options: LogOptions): AsyncIterable<Uint8Array> {
    return this.#runtimeOf(ref).logs(ref, options)
  }

  async stats(ref: TaskRef): Promise<TaskStats | undefined> {
    return await this.#runtimeOf(ref).stats(ref)
  }

  async exec(
    ref: TaskRef,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number | null; output: string }> {
    return await this.#runtimeOf(ref).exec(ref, command, timeoutMs)
  }

  #runtimeOf(ref: TaskRef): Runtime {
    const kind = this.#kindOf.get(keyOf(ref))
    if (!kind) throw new RuntimeFailure('task-missing', `${keyOf(ref)} is not on this node`, true)
    return this.#runtime(kind)
  }

  #runtime(kind: Kind): Runtime {
    const member = this.#members.find((each) => each.runtime.kind === kind)
    if (member) return member.runtime
    const what = kind === 'docker' ? 'containers' : 'processes'
    throw new RuntimeFailure('runtime-missing', `this node is not set up to run ${what}`, true)
  }

  /** What is used of the machine, by anybody, since the last call. */
  measure(): Promise<Resources> {
    return this.#use.measure()
  }

  capacity(wishes: CapacityWishes = {}): Promise<Resources> {
    return machineCapacity(this.#options.dataDir, wishes)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await Promise.all(this.#members.map(({ runtime }) => runtime.close()))
  }
}

function keyOf(ref: TaskRef): string {
  return `${ref.allocation}/${ref.task}`
}
