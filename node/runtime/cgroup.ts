/**
 * Limits of processes by the kernel's control groups, of either version, where the agent may write them. Where
 * it may not, tasks run without limits, and `describe()` says so.
 *
 * Memory is a hard limit: memory that one task takes over its share is another task's death. CPU is a weight
 * and never a quota: a share that nobody uses is no loss to anyone, admission already keeps the sum below what
 * the machine has, and a quota of 100 millicores would make a task take ten times as long to start, on an idle
 * machine. Docker tasks get the same. The number of processes is bounded against fork bombs.
 *
 * Groups are `<root>/starling-<node>/<allocation>.<task>`, in version 1 once a controller. They are at the root
 * so that a service manager that stops the agent does not take its tasks along. A group also says what belongs
 * to a task, however its processes changed their parents and sessions.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Resources } from '../../protocol/placement/resources.ts'
import type { TaskRef } from './runtime.ts'

/** A machine has 32,768 process ids by default: eight fork bombs fit. */
export const processesMax = 4096
const bytesPerMib = 1024 * 1024

export type Limits = 'cgroup1' | 'cgroup2' | 'none'

/** The hierarchies that we use; in version 2 the one has all controllers. */
interface Hierarchy {
  readonly controllers: readonly string[]
  readonly root: string
}

export interface Mount {
  readonly path: string
  readonly version: 1 | 2
  readonly controllers: readonly string[]
}

const wanted = ['memory', 'cpu', 'cpuacct', 'pids']

export function parseMounts(mounts: string): Mount[] {
  return mounts.split('\n').flatMap((line): Mount[] => {
    const [, path = '', type, options = ''] = line.split(' ')
    if (type === 'cgroup2') return [{ path, version: 2, controllers: [] }]
    if (type !== 'cgroup') return []
    const controllers = options.split(',').filter((option) => wanted.includes(option))
    return controllers.length === 0 ? [] : [{ path, version: 1, controllers }]
  })
}

/** Of 1024 for a core, as the kernel and Docker count; 2 is the least. */
export function cpuShares(millicores: number): number {
  return Math.min(262_144, Math.max(2, Math.floor((millicores * 1024) / 1000)))
}

/** The same on version 2's scale of 1…10,000, by the container runtimes' common formula. */
export function cpuWeight(millicores: number): number {
  return 1 + Math.floor(((cpuShares(millicores) - 2) * 9999) / 262_142)
}

export class Cgroups {
  readonly limits: Limits
  readonly #hierarchies: readonly Hierarchy[]
  readonly #parent: string

  constructor(limits: Limits, hierarchies: readonly Hierarchy[], parent: string) {
    this.limits = limits
    this.#hierarchies = hierarchies
    this.#parent = parent
  }

  /** Makes the group, empty and with a count of kills of 0. */
  async create(name: string, resources: Resources): Promise<Cgroup> {
    const folders = this.#hierarchies.map(({ root }) => join(root, this.#parent, name))
    const group = new Cgroup(folders)
    await Promise.all(folders.map((folder) => this.#createFolder(folder, group)))
    await Promise.all(
      this.#hierarchies.map(async ({ controllers }, i) => {
        // One by one: memory must never be over memory and swap.
        for (const [file, value] of settings(this.limits, controllers, resources))
          await writeSetting(join(folders[i]!, file), value)
      }),
    )
    return group
  }

  async #createFolder(folder: string, group: Cgroup): Promise<void> {
    await mkdir(folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error
      group.killAll()
      await removeFolder(folder)
      await mkdir(folder, { recursive: true })
    })
  }

  /** Ends and removes the groups of no known task: an agent died between making one and using it. */
  async sweep(isKnown: (name: string) => boolean): Promise<void> {
    const parents = this.#hierarchies.map(({ root }) => join(root, this.#parent))
    for (const parent of parents)
      for (const entry of await readdir(parent, { withFileTypes: true }).catch(() => [])) {
        if (!entry.isDirectory() || isKnown(entry.name)) continue
        new Cgroup([join(parent, entry.name)]).killAll()
        await removeFolder(join(parent, entry.name))
      }
  }

  /** Harmless while groups are left in them. */
  async removeParents(): Promise<void> {
    for (const { root } of this.#hierarchies)
      await rmdir(join(root, this.#parent)).catch(() => undefined)
  }
}

type Setting = readonly [file: string, value: string]

function settings(limits: Limits, controllers: readonly string[], need: Resources): Setting[] {
  const bytes = String(need.memory * bytesPerMib)
  const memory: Setting[] =
    limits === 'cgroup2'
      ? [
          ['memory.max', bytes],
          ['memory.swap.max', '0'],
        ]
      : [
          ['memory.limit_in_bytes', bytes],
          ['memory.memsw.limit_in_bytes', bytes],
        ]
  const cpu: Setting =
    limits === 'cgroup2'
      ? ['cpu.weight', String(cpuWeight(need.cpu))]
      : ['cpu.shares', String(cpuShares(need.cpu))]
  return [
    ...(controllers.includes('memory') && need.memory > 0 ? memory : []),
    ...(controllers.includes('cpu') ? [cpu] : []),
    ...(controllers.includes('pids') ? [['pids.max', String(processesMax)] as const] : []),
  ]
}

/** The kernel may be built without swap accounting; then there is no such file, and nothing to limit. */
async function writeSetting(file: string, value: string): Promise<void> {
  if (/swap|memsw/.test(file) && !existsSync(file)) return
  await writeFile(file, value)
}

export function groupName(ref: TaskRef): string {
  return `${ref.allocation}.${ref.task}`
}

/** One task's group, in each of the hierarchies. Without folders it knows nothing and limits nothing. */
export class Cgroup {
  readonly folders: readonly string[]

  constructor(folders: readonly string[]) {
    this.folders = folders
  }

  /** Whether it says which processes are the task's. */
  get tracks(): boolean {
    return this.folders.length > 0
  }

  async join(pids: readonly number[]): Promise<void> {
    await Promise.all(
      this.folders.map(async (folder) => {
        for (const pid of pids) await writeFile(join(folder, 'cgroup.procs'), String(pid))
      }),
    )
  }

  pids(): number[] {
    const pids = this.folders.flatMap((folder) => lines(read(folder, 'cgroup.procs')).map(Number))
    return [...new Set(pids)]
  }

  /** One sweep; what forked meanwhile is found by the next. */
  killAll(): void {
    for (const pid of this.pids())
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
  }

  outOfMemoryKills(): number {
    return (
      this.#count('memory.events', 'oom_kill') ?? this.#count('memory.oom_control', 'oom_kill') ?? 0
    )
  }

  /** Nanoseconds of CPU since the group was made. */
  cpuNanoseconds(): bigint | undefined {
    const microseconds = this.#count('cpu.stat', 'usage_usec')
    if (microseconds !== undefined) return BigInt(microseconds) * 1000n
    const nanoseconds = this.#find('cpuacct.usage')
    return nanoseconds === undefined ? undefined : BigInt(nanoseconds.trim())
  }

  /** Bytes without the page cache that the kernel would give up at once. */
  memoryBytes(): number | undefined {
    const used = this.#find('memory.current') ?? this.#find('memory.usage_in_bytes')
    if (used === undefined) return undefined
    const cache =
      this.#count('memory.stat', 'total_inactive_file') ??
      this.#count('memory.stat', 'inactive_file')
    return Math.max(0, Number(used) - (cache ?? 0))
  }

  async remove(): Promise<void> {
    await Promise.all(this.folders.map(removeFolder))
  }

  #find(file: string): string | undefined {
    for (const folder of this.folders) {
      const found = read(folder, file)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** A number of one of the files that have a name and a number a line. */
  #count(file: string, name: string): number | undefined {
    for (const line of lines(this.#find(file))) {
      const [key, value] = line.split(' ')
      if (key === name) return Number(value)
    }
    return undefined
  }
}

/** A group is busy for a moment after its last process has ended. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const code = await rmdir(folder).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    if (code !== 'EBUSY') return
    await wait(Math.min(100, 2 ** attempt))
  }
}

function read(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'latin1')
  } catch {
    return undefined
  }
}

function lines(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '')
}

/** What this machine has that we may use, found by trying. `parent` names the folder of all our groups. */
export function detectCgroups(parent: string): Cgroups {
  const mounts = parseMounts(read('/proc/self', 'mounts') ?? '')
  const unified = mounts.find((mount) => mount.version === 2)
  if (unified && enableUnified(unified.path, parent))
    return new Cgroups('cgroup2', [{ controllers: wanted, root: unified.path }], parent)
  const hierarchies = mounts
    .filter(({ version, path }) => version === 1 && isWritable(join(path, parent)))
    .map(({ controllers, path }) => ({ controllers, root: path }))
  const isEnough = hierarchies.some(({ controllers }) => controllers.includes('memory'))
  return isEnough ? new Cgroups('cgroup1', hierarchies, parent) : new Cgroups('none', [], parent)
}

function enableUnified(root: string, parent: string): boolean {
  const available = (read(root, 'cgroup.controllers') ?? '').trim().split(' ')
  const needed = ['memory', 'cpu', 'pids']
  if (!needed.every((name) => available.includes(name))) return false
  const enable = needed.map((name) => `+${name}`).join(' ')
  try {
    writeFileSync(join(root, 'cgroup.subtree_control'), enable)
    mkdirSync(join(root, parent), { recursive: true })
    writeFileSync(join(root, parent, 'cgroup.subtree_control'), enable)
    return true
  } catch {
    return false
  }
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    return true
  } catch {
    return false
  }
}
