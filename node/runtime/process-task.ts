/**
 * One task of the process runtime, from its start or its adoption to its end.
 *
 * It ends when its wrapper does. That is noticed at once: of an own child by its exit, of an adopted one by a
 * watch on the exit file, with a look at the pid twice a second for a wrapper that was killed. Then what it
 * left behind is killed, and only after that is the exit told, so that its ports are free by then.
 */
import type { ChildProcess } from 'node:child_process'
import { type FSWatcher, watch } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { Cgroup } from './cgroup.ts'
import { describeExit, killedCode } from './exit.ts'
import { awaitEnd, type Family, kill, killFamily } from './leftovers.ts'
import { isRunning } from './process-identity.ts'
import { ProcessUsage } from './process-usage.ts'
import { RuntimeFailure, type TaskExit } from './runtime.ts'
import { readExitCode, type TaskFolder, type TaskRecord } from './task-folder.ts'

export type TaskOrigin = 'started' | 'adopted'

export class ProcessTask {
  readonly record: TaskRecord
  readonly folder: TaskFolder
  readonly usage: ProcessUsage
  readonly #family: Family
  readonly #origin: TaskOrigin
  readonly #onExit: (task: ProcessTask, exit: TaskExit) => void
  readonly #ended = Promise.withResolvers<void>()
  #exit: TaskExit | undefined
  #watcher: FSWatcher | undefined
  #wrapper: ChildProcess | undefined
  #isSettling = false
  #isStopping = false
  #isClosed = false
  /** By performance.now(): until then what is left behind may end by itself. */
  #graceUntilMs = 0

  constructor(
    record: TaskRecord,
    folder: TaskFolder,
    origin: TaskOrigin,
    onExit: (task: ProcessTask, exit: TaskExit) => void,
  ) {
    const cgroup = new Cgroup(record.cgroups)
    this.record = record
    this.folder = folder
    this.usage = new ProcessUsage(record, cgroup)
    this.#family = {
      allocation: record.allocation,
      task: record.task,
      wrapper: record.wrapper,
      cgroup,
    }
    this.#origin = origin
    this.#onExit = onExit
  }

  /** Undefined while it runs. */
  get exit(): TaskExit | undefined {
    return this.#exit
  }

  get cgroup(): Cgroup {
    return this.#family.cgroup
  }

  /** Goes on watching a task of an earlier agent, or finds out how it ended while no agent lived. */
  async adopt(bootId: string): Promise<void> {
    const isOfThisBoot = this.record.bootId === bootId
    if (isOfThisBoot && isRunning(this.record.wrapper)) {
      this.#watch()
      return
    }
    this.#isSettling = true
    if (isOfThisBoot) await killFamily(this.#family)
    await this.#conclude(readExitCode(this.folder) ?? null)
  }

  #watch(): void {
    const look = (): void => {
      if (readExitCode(this.folder) !== undefined) void this.#settle(null)
    }
    try {
      this.#watcher = watch(this.folder.exit, { persistent: false }, look)
      this.#watcher.on('error', () => this.#watcher?.close())
      look()
    } catch {
      // Out of watches, perhaps: the look at the pid still notices.
    }
  }

  /** Notices the end of an adopted wrapper that could write nothing down. */
  poll(): void {
    if (this.#origin === 'adopted' && !this.#isSettling && !isRunning(this.record.wrapper))
      void this.#settle(null)
  }

  /** The wrapper passes the command's code on, unless it was killed itself. */
  watchChild(wrapper: ChildProcess): void {
    this.#wrapper = wrapper
    wrapper.once('exit', (code, signal) => {
      void this.#settle(code ?? (signal ? 128 + constants.signals[signal] : null))
    })
  }

  async #settle(wrapperCode: number | null): Promise<void> {
    if (this.#isSettling || this.#isClosed) return
    this.#isSettling = true
    this.#watcher?.close()
    await awaitEnd(this.#family, this.#graceUntilMs - performance.now())
    await killFamily(this.#family)
    const written = readExitCode(this.folder)
    const code = written ?? wrapperCode ?? (this.#isStopping ? killedCode : null)
    if (written === undefined && code !== null)
      await writeFile(this.folder.exit, `${code}\n`).catch(() => undefined)
    const exit = await this.#conclude(code)
    this.#ended.resolve()
    if (!this.#isClosed) this.#onExit(this, exit)
  }

  /** Only when its group is gone has it ended: a next start makes one of the same name. */
  async #conclude(code: number | null): Promise<TaskExit> {
    const outOfMemory = this.cgroup.outOfMemoryKills() > 0
    await this.cgroup.remove()
    this.#exit = describeExit({ code, outOfMemory, memory: this.record.memory })
    return this.#exit
  }

  async stop(graceMs: number): Promise<TaskExit> {
    if (this.#exit === undefined && graceMs > 0) await this.#terminate(graceMs)
    if (this.#exit === undefined) await this.#kill()
    return this.#exit!
  }

  async #terminate(graceMs: number): Promise<void> {
    const until = performance.now() + graceMs
    this.#graceUntilMs = this.#isStopping ? Math.min(this.#graceUntilMs, until) : until
    if (!this.#isStopping) this.#signal(this.record.stopSignal ?? 'SIGTERM')
    this.#isStopping = true
    await within(this.#ended.promise, graceMs)
  }

  async #kill(): Promise<void> {
    this.#isStopping = true
    this.#graceUntilMs = 0
    this.#signal('SIGKILL')
    const left = await killFamily(this.#family)
    if (left.length > 0)
      throw new RuntimeFailure('stop-failed', `process ${left.join(', ')} cannot be killed`, false)
    // An own child's exit comes by itself.
    if (this.#origin === 'adopted') void this.#settle(killedCode)
    await this.#ended.promise
  }

  /** To all of its process group. */
  #signal(signal: NodeJS.Signals): void {
    if (isRunning(this.record.wrapper)) kill(-this.record.wrapper.pid, signal)
  }

  close(): void {
    this.#isClosed = true
    this.#watcher?.close()
    // A child would keep the agent from ending.
    this.#wrapper?.unref()
  }
}

async function within(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([promise, limit])
  clearTimeout(timer)
}
