/**
 * What a task of a process has on the disk:
 * ```
 * <dataDir>/allocations/<allocation>/<task>/
 *   work/                    its working directory and HOME
 *   stdout.log stderr.log    written by the task itself; older parts are .1, .2, …
 *   state.json               what a later agent needs to take it over
 *   exit                     its exit code in a line, written by the wrapper once it has ended
 * ```
 * state.json is neither synced nor renamed into place. It is complete before the task's command may begin, so a
 * torn one belongs to a task that never ran; and after a crash of the machine nothing of it runs anyway.
 */
import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { User } from './command.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { RuntimeFailure, type TaskRef } from './runtime.ts'

export interface TaskFolder {
  readonly root: string
  readonly work: string
  readonly stdout: string
  readonly stderr: string
  readonly state: string
  readonly exit: string
}

export interface TaskRecord extends TaskRef {
  readonly format: 1
  readonly bootId: string
  /** Leads the task's session and process group, and writes the exit code. */
  readonly wrapper: ProcessIdentity
  readonly command: ProcessIdentity
  readonly cgroups: readonly string[]
  readonly ports: { readonly [name: string]: number }
  /** For command checks. The file is for the agent's eyes only, as these may be secrets. */
  readonly env: { readonly [name: string]: string }
  readonly directory: string
  readonly user: User | null
  /** Undefined in what an older agent wrote. */
  readonly stopSignal?: NodeJS.Signals
  /** MiB; 0 is no limit. */
  readonly memory: number
  /** Unix ms. */
  readonly startedAt: number
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

export function allocationFolder(dataDir: string, allocation: string): string {
  if (!safeName.test(allocation))
    throw new RuntimeFailure('name-refused', `${allocation} cannot name a folder`, true)
  return join(dataDir, 'allocations', allocation)
}

export function taskFolder(dataDir: string, ref: TaskRef): TaskFolder {
  if (!safeName.test(ref.task))
    throw new RuntimeFailure('name-refused', `${ref.task} cannot name a folder`, true)
  const root = join(allocationFolder(dataDir, ref.allocation), ref.task)
  return {
    root,
    work: join(root, 'work'),
    stdout: join(root, 'stdout.log'),
    stderr: join(root, 'stderr.log'),
    state: join(root, 'state.json'),
    exit: join(root, 'exit'),
  }
}

export async function writeRecord(folder: TaskFolder, record: TaskRecord): Promise<void> {
  await writeFile(folder.state, JSON.stringify(record), { mode: 0o600 })
}

/** Undefined when the task never got as far as running. */
export async function readRecord(folder: TaskFolder): Promise<TaskRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(folder.state, 'utf8')) as TaskRecord
    return record.format === 1 ? record : undefined
  } catch {
    return undefined
  }
}

export async function readRecords(dataDir: string): Promise<TaskRecord[]> {
  const records: TaskRecord[] = []
  for (const allocation of await list(join(dataDir, 'allocations')))
    for (const task of await list(join(dataDir, 'allocations', allocation))) {
      const record = await readRecord(taskFolder(dataDir, { allocation, task }))
      if (record) records.push(record)
    }
  return records
}

async function list(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => safeName.test(name)).sort()
}

/** A line without its end is still being written. */
export function readExitCode(folder: TaskFolder): number | undefined {
  try {
    const [, code] = /^(\d{1,3})\n$/.exec(readFileSync(folder.exit, 'latin1')) ?? []
    return code === undefined ? undefined : Number(code)
  } catch {
    return undefined
  }
}
