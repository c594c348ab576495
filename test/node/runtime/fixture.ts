/** Tasks, folders and patience for the tests of the runtimes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createProcessRuntime, type ProcessRuntime } from '../../../node/runtime/process.ts'
import type {
  LogOptions,
  Runtime,
  TaskExit,
  TaskRef,
  TaskStart,
} from '../../../node/runtime/runtime.ts'
import { check } from '../../../protocol/base/schema.ts'
import type { TaskSpec } from '../../../protocol/placement/job.ts'
import { jobSchema } from '../../../protocol/placement/job.ts'

/** As a user would write it; the defaults are the schema's. */
export function taskSpec(task: object): TaskSpec {
  const checked = check(jobSchema, { id: 'job', tasks: [{ name: 'main', ...task }] })
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues))
  return checked.value.tasks[0]!
}

export interface StartWishes {
  allocation: string
  command: string[]
  /** Further fields of the task. */
  task?: object
  /** Further fields of its process. */
  process?: object
  env?: { [name: string]: string }
  ports?: { [name: string]: number }
}

export function processStart(wishes: StartWishes): TaskStart {
  const { allocation, command, task, process, env, ports } = wishes
  const spec = taskSpec({ process: { command, ...process }, ...task })
  return {
    allocation,
    task: spec.name,
    job: 'job',
    slot: 0,
    spec,
    ports: ports ?? {},
    env: env ?? {},
  }
}

export function main(allocation: string): TaskRef {
  return { allocation, task: 'main' }
}

/** Waits for a condition, and never longer than is sane on a busy machine. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`)
    await wait(10)
  }
}

export interface Told {
  readonly ref: TaskRef
  readonly exit: TaskExit
}

/** Waits for the exit of a task that was, or will be, told. */
export async function exitOf(told: readonly Told[], ref: TaskRef): Promise<TaskExit> {
  const find = (): Told | undefined =>
    told.find((each) => each.ref.allocation === ref.allocation && each.ref.task === ref.task)
  await until(() => find() !== undefined, `the exit of ${ref.allocation}`)
  return find()!.exit
}

export interface TestProcesses {
  readonly runtime: ProcessRuntime
  readonly dataDir: string
  readonly told: Told[]
  /** A new agent on the same folder. */
  reopen(): Promise<ProcessRuntime>
  clean(): Promise<void>
}

let beds = 0

export function testProcesses(
  options: { limits?: 'auto' | 'none'; logBytesMax?: number; logFiles?: number } = {},
): TestProcesses {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-process-'))
  const nodeId = `t${process.pid}${beds++}`
  const told: Told[] = []
  const open = (): ProcessRuntime =>
    createProcessRuntime({
      ...options,
      dataDir,
      nodeId,
      onExit: (ref, exit) => told.push({ ref, exit }),
    })
  const bed = {
    runtime: open(),
    dataDir,
    told,
    async reopen() {
      await bed.runtime.close()
      bed.runtime = open()
      return bed.runtime
    },
    async clean() {
      for (const { allocation } of await bed.runtime.observe()) await bed.runtime.remove(allocation)
      await bed.runtime.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return bed
}

/** Runs a body with a bed that is cleaned up whatever happens. */
export function withProcesses(
  body: (bed: TestProcesses) => Promise<void>,
  options?: Parameters<typeof testProcesses>[0],
): () => Promise<void> {
  return async () => {
    const bed = testProcesses(options)
    try {
      await body(bed)
    } finally {
      await bed.clean()
    }
  }
}

export async function readAll(
  runtime: Runtime,
  ref: TaskRef,
  options: Partial<LogOptions> = {},
): Promise<string> {
  const asked: LogOptions = {
    stream: 'stdout',
    follow: false,
    tail: undefined,
    signal: AbortSignal.timeout(30_000),
    ...options,
  }
  const parts: Uint8Array[] = []
  for await (const bytes of runtime.logs(ref, asked)) parts.push(bytes)
  return Buffer.concat(parts).toString('utf8')
}

/** A zombie that nobody has asked about does not run. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

/** The number that a task has written into a file of its folder. */
export async function numberIn(file: string): Promise<number> {
  const read = (): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return ''
    }
  }
  await until(() => /^\d+\n$/.test(read()), `a number in ${file}`)
  return Number(read())
}

export function workOf(bed: TestProcesses, allocation: string, file: string): string {
  return join(bed.dataDir, 'allocations', allocation, 'main', 'work', file)
}
