/** Prepares and starts a task as a process: all that can be refused is refused before anything runs. */
import type { ChildProcess } from 'node:child_process'
import { chown, mkdir, open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Cgroup, type Cgroups, groupName } from './cgroup.ts'
import {
  defaultPath,
  requireDirectory,
  requireProgram,
  requireUser,
  substitute,
  type User,
} from './command.ts'
import { type Launched, launch } from './launch.ts'
import { kill, markers } from './leftovers.ts'
import { type ProcessIdentity, readProcess } from './process-identity.ts'
import { RuntimeFailure, type TaskStart } from './runtime.ts'
import { type TaskFolder, type TaskRecord, writeRecord } from './task-folder.ts'

export interface StartSettings {
  readonly folder: TaskFolder
  readonly bootId: string
  readonly cgroups: Cgroups
}

interface Prepared {
  readonly command: readonly string[]
  readonly env: { readonly [name: string]: string }
  readonly directory: string
  readonly user: User | undefined
}

export interface Started {
  readonly record: TaskRecord
  readonly wrapper: ChildProcess
  /** Lets the command begin. */
  open(): void
}

/** The group is made meanwhile: half of a start is waiting for others. */
export async function startProcess(task: TaskStart, settings: StartSettings): Promise<Started> {
  const cgroup = createCgroup(task, settings.cgroups)
  cgroup.catch(() => undefined)
  try {
    const prepared = await prepare(task, settings.folder)
    return await launchTask(task, prepared, cgroup, settings)
  } catch (error) {
    await cgroup.then(
      (made) => made.remove(),
      () => undefined,
    )
    throw error
  }
}

async function prepare(task: TaskStart, folder: TaskFolder): Promise<Prepared> {
  const spec = task.spec.process
  if (!spec) throw new RuntimeFailure('not-a-process', `${task.task} is no process`, true)
  const path = process.env.PATH ?? defaultPath
  const env = { PATH: path, HOME: folder.work, ...task.env, ...markers(task) }
  const command = spec.command.map((argument) => substitute(argument, task.env))
  const directory = resolve(folder.work, spec.directory ?? '.')
  const user = spec.user === undefined ? undefined : await requireUser(spec.user)
  await prepareFolder(folder, user)
  await Promise.all([requireDirectory(directory), requireProgram(command[0]!, env.PATH, directory)])
  return { command, env, directory, user }
}

async function prepareFolder(folder: TaskFolder, user: User | undefined): Promise<void> {
  try {
    await mkdir(folder.work, { recursive: true })
    if (user) await chown(folder.work, user.uid, user.gid)
    // A new file: a wrapper of before, should one live on, has its own.
    await Promise.all([rm(folder.exit, { force: true }), rm(folder.state, { force: true })])
  } catch (error) {
    throw failure('folder-failed', 'its folder could not be made', error)
  }
}

async function createCgroup(task: TaskStart, cgroups: Cgroups): Promise<Cgroup> {
  try {
    return await cgroups.create(groupName(task), task.spec.resources)
  } catch (error) {
    throw failure('limits-failed', 'its limits could not be set', error)
  }
}

async function launchTask(
  task: TaskStart,
  prepared: Prepared,
  making: Promise<Cgroup>,
  settings: StartSettings,
): Promise<Started> {
  const { folder, bootId } = settings
  const launched = await launchWithFiles(folder, prepared)
  const { wrapper, commandPid } = launched
  try {
    const cgroup = await making
    const record: TaskRecord = {
      format: 1,
      allocation: task.allocation,
      task: task.task,
      bootId,
      wrapper: identify(wrapper.pid),
      command: identify(commandPid),
      cgroups: cgroup.folders,
      ports: task.ports,
      env: prepared.env,
      directory: prepared.directory,
      user: prepared.user ?? null,
      stopSignal: task.spec.stopSignal ?? 'SIGTERM',
      memory: task.spec.resources.memory,
      startedAt: Date.now(),
    }
    await Promise.all([writeRecord(folder, record), cgroup.join([wrapper.pid, commandPid])])
    return { record, wrapper, open: launched.open }
  } catch (error) {
    launched.abandon()
    kill(-wrapper.pid, 'SIGKILL')
    await rm(folder.state, { force: true })
    throw error instanceof RuntimeFailure
      ? error
      : failure('start-failed', 'could not be started', error)
  }
}

async function launchWithFiles(folder: TaskFolder, prepared: Prepared): Promise<Launched> {
  const files = await Promise.all(
    [folder.stdout, folder.stderr, folder.exit].map((path) => open(path, 'a')),
  ).catch((error) => {
    throw failure('folder-failed', 'its logs could not be opened', error)
  })
  try {
    const [stdout, stderr, exit] = files.map((file) => file.fd) as [number, number, number]
    return await launch({ ...prepared, stdout, stderr, exit })
  } finally {
    await Promise.all(files.map((file) => file.close()))
  }
}

function identify(pid: number): ProcessIdentity {
  const found = readProcess(pid)
  if (!found) throw new Error(`process ${pid} ended at once`)
  return { pid, startTicks: found.startTicks }
}

function failure(code: string, what: string, error: unknown): RuntimeFailure {
  return new RuntimeFailure(code, `${what}: ${(error as Error).message}`, true, error)
}
