/**
 * Runs tasks as processes of this machine that outlive the agent. What a task has on the disk is in
 * task-folder.ts, how it is launched in launch.ts, how it ends in process-task.ts, what bounds it in cgroup.ts.
 */
import { readdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { AllocationId } from '../../protocol/base/id.ts'
import type { ObservedTask } from '../../protocol/event.ts'
import { Cgroups, detectCgroups, groupName, type Limits } from './cgroup.ts'
import { defaultPath, requireProgram, substitute } from './command.ts'
import { execute } from './execute.ts'
import { wasNotRunning } from './exit.ts'
import { LogFile, type LogLimits } from './log-file.ts'
import { readLogs } from './logs.ts'
import { readBootId } from './process-identity.ts'
import { startProcess } from './process-start.ts'
import { ProcessTask, type TaskOrigin } from './process-task.ts'
import {
  type ExitListener,
  type LogOptions,
  type Runtime,
  RuntimeFailure,
  type TaskExit,
  type TaskRef,
  type TaskStart,
  type TaskStarted,
  type TaskStats,
} from './runtime.ts'
import {
  allocationFolder,
  readRecord,
  readRecords,
  type TaskRecord,
  taskFolder,
} from './task-folder.ts'

export interface ProcessRuntimeOptions {
  readonly dataDir: string
  /** Names the parent of the control groups, so it differs between the agents of a machine. */
  readonly nodeId: string
  readonly onExit: ExitListener
  /** Of one log file. @default 10 MiB */
  readonly logBytesMax?: number
  /** Files of each stream that are kept. @default 3 */
  readonly logFiles?: number
  /** @default 'auto' */
  readonly limits?: 'auto' | 'none'
}

export interface ProcessRuntime extends Runtime {
  describe(): { readonly limits: Limits }
}

export function createProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  return new Processes(options)
}

/** A task that writes 100 MB/s is over its limit by as much. */
const boundLogsIntervalMs = 1000
const pollIntervalMs = 500

class Processes implements ProcessRuntime {
  readonly kind = 'process'
  readonly #dataDir: string
  readonly #onExit: ExitListener
  readonly #cgroups: Cgroups
  readonly #logLimits: LogLimits
  readonly #bootId = readBootId()
  readonly #tasks = new Map<string, ProcessTask>()
  readonly #starting = new Map<string, Promise<TaskStarted>>()
  readonly #startingGroups = new Set<string>()
  readonly #adopting = new Map<string, Promise<ProcessTask>>()
  readonly #logs = new Map<string, LogFile>()
  readonly #timers: NodeJS.Timeout[]
  #isClosed = false

  constructor(options: ProcessRuntimeOptions) {
    this.#dataDir = resolve(options.dataDir)
    this.#onExit = options.onExit
    const parent = `starling-${options.nodeId.replace(/[^A-Za-z0-9]/g, '').slice(-12)}`
    this.#cgroups =
      options.limits === 'none' ? new Cgroups('none', [], parent) : detectCgroups(parent)
    this.#logLimits = {
      bytesMax: options.logBytesMax ?? 10 * 1024 * 1024,
      files: Math.max(1, options.logFiles ?? 3),
    }
    this.#timers = [
      setInterval(() => this.#boundLogs(), boundLogsIntervalMs).unref(),
      setInterval(() => this.#poll(), pollIntervalMs).unref(),
    ]
  }

  describe(): { limits: Limits } {
    return { limits: this.#cgroups.limits }
  }

  async available(): Promise<boolean> {
    return this.trouble() === undefined
  }

  trouble(): string | undefined {
    return process.platform === 'linux' ? undefined : 'processes need Linux'
  }

  async start(task: TaskStart): Promise<TaskStarted> {
    const key = keyOf(task)
    const underWay = this.#starting.get(key)
    if (underWay) return await underWay
    this.#startingGroups.add(groupName(task))
    const starting = this.#start(task).finally(() => {
      this.#starting.delete(key)
      this.#startingGroups.delete(groupName(task))
    })
    this.#starting.set(key, starting)
    return await starting
  }

  async #start(task: TaskStart): Promise<TaskStarted> {
    const known = await this.#find(task)
    if (known && known.exit === undefined)
      return { pid: known.record.command.pid, containerId: null }
    const folder = taskFolder(this.#dataDir, task)
    const settings = { folder, bootId: this.#bootId, cgroups: this.#cgroups }
    const { record, wrapper, open } = await startProcess(task, settings)
    const started = this.#remember(record, 'started')
    started.watchChild(wrapper)
    open()
    return { pid: record.command.pid, containerId: null }
  }

  #remember(record: TaskRecord, origin: TaskOrigin): ProcessTask {
    const folder = taskFolder(this.#dataDir, record)
    const task = new ProcessTask(record, folder, origin, (ended, exit) => {
      this.#boundLogsOf(ended)
      this.#onExit({ allocation: record.allocation, task: record.task }, exit)
    })
    this.#tasks.set(keyOf(record), task)
    return task
  }

  /** What is known of it, from this life of the agent or from an earlier one. */
  async #find(ref: TaskRef): Promise<ProcessTask | undefined> {
    const known = this.#tasks.get(keyOf(ref))
    if (known && !this.#adopting.has(keyOf(ref))) return known
    const record = await readRecord(taskFolder(this.#dataDir, ref))
    return record && (await this.#adopt(record))
  }

  #adopt(record: TaskRecord): Promise<ProcessTask> {
    const key = keyOf(record)
    const underWay = this.#adopting.get(key)
    if (underWay) return underWay
    const known = this.#tasks.get(key)
    if (known) return Promise.resolve(known)
    const task = this.#remember(record, 'adopted')
    const adopting = task
      .adopt(this.#bootId)
      .then(() => task)
      .finally(() => this.#adopting.delete(key))
    this.#adopting.set(key, adopting)
    return adopting
  }

  async stop(ref: TaskRef, graceMs: number): Promise<TaskExit> {
    await this.#starting.get(keyOf(ref))?.catch(() => undefined)
    const task = await this.#find(ref)
    return task ? await task.stop(graceMs) : wasNotRunning
  }

  async observe(): Promise<ObservedTask[]> {
    const records = await readRecords(this.#dataDir)
    await Promise.all(records.map((record) => this.#adopt(record)))
    await this.#sweepGroups()
    return [...this.#tasks.values()].map(({ record, exit }) => ({
      allocation: record.allocation,
      task: record.task,
      running: exit === undefined,
      pid: exit === undefined ? record.command.pid : null,
      containerId: null,
      ports: record.ports,
      exitCode: exit?.exitCode ?? null,
    }))
  }

  /** Asked for each group at the moment that it would be removed, as tasks start meanwhile. */
  async #sweepGroups(): Promise<void> {
    const isOfTask = (name: string): boolean =>
      [...this.#tasks.values()].some(({ record, exit }) => !exit && groupName(record) === name)
    await this.#cgroups.sweep((name) => this.#startingGroups.has(name) || isOfTask(name))
  }

  async remove(allocation: AllocationId): Promise<void> {
    const folder = allocationFolder(this.#dataDir, allocation)
    const tasks = await readdir(folder).catch(() => [])
    await Promise.all(tasks.map((task) => this.stop({ allocation, task }, 0)))
    for (const task of tasks) {
      const { stdout, stderr } = taskFolder(this.#dataDir, { allocation, task })
      this.#tasks.delete(keyOf({ allocation, task }))
      this.#logs.delete(stdout)
      this.#logs.delete(stderr)
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }

  /** All that is left of them is in the data folder. */
  async leave(): Promise<void> {}

  logs(ref: TaskRef, options: LogOptions): AsyncIterable<Uint8Array> {
    const { stdout, stderr } = taskFolder(this.#dataDir, ref)
    const paths = { stdout: [stdout], stderr: [stderr], both: [stdout, stderr] }[options.stream]
    return readLogs({
      logs: paths.map((path) => this.#log(path)),
      follow: options.follow,
      tail: options.tail,
      signal: options.signal,
      hasEnded: () => this.#isClosed || !this.#isRunning(ref),
    })
  }

  #isRunning(ref: TaskRef): boolean {
    const task = this.#tasks.get(keyOf(ref))
    return task !== undefined && task.exit === undefined
  }

  #log(path: string): LogFile {
    const log = this.#logs.get(path) ?? new LogFile(path, this.#logLimits)
    this.#logs.set(path, log)
    return log
  }

  #boundLogs(): void {
    for (const task of this.#tasks.values()) if (task.exit === undefined) this.#boundLogsOf(task)
  }

  #boundLogsOf({ folder }: ProcessTask): void {
    // A full disk, most likely: there is nobody to tell, and the next second tries again.
    for (const path of [folder.stdout, folder.stderr])
      this.#log(path)
        .bound()
        .catch(() => undefined)
  }

  #poll(): void {
    for (const task of this.#tasks.values()) task.poll()
  }

  async stats(ref: TaskRef): Promise<TaskStats | undefined> {
    const task = await this.#find(ref)
    return task && task.exit === undefined ? task.usage.measure() : undefined
  }

  async exec(
    ref: TaskRef,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number | null; output: string }> {
    const task = await this.#find(ref)
    if (!task || task.exit !== undefined)
      throw new RuntimeFailure('not-running', `${keyOf(ref)} is not running`, true)
    const { env, directory, user } = task.record
    const filled = command.map((argument) => substitute(argument, env))
    await requireProgram(filled[0] ?? '', env.PATH ?? defaultPath, directory)
    const { cgroup } = task
    return await execute({ command: filled, env, directory, user, cgroup, timeoutMs })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.allSettled(this.#starting.values())
    for (const task of this.#tasks.values()) task.close()
    await this.#cgroups.removeParents()
  }
}

function keyOf(ref: TaskRef): string {
  return `${ref.allocation}/${ref.task}`
}
