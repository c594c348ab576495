/** What the processes of a task use: by its control group, or else by walking the tree below its wrapper. */
import { readFileSync } from 'node:fs'
import type { Cgroup } from './cgroup.ts'
import { readProcess } from './process-identity.ts'
import type { TaskStats } from './runtime.ts'
import type { TaskRecord } from './task-folder.ts'

/** USER_HZ and the page size of every Linux that Node runs on, but for some arm64 with larger pages. */
const nanosecondsPerTick = 10_000_000n
const pageBytes = 4096
const bytesPerMib = 1024 * 1024

interface Sample {
  readonly atMs: number
  readonly cpuNanoseconds: bigint
}

export class ProcessUsage {
  readonly #pid: number
  readonly #cgroup: Cgroup
  #last: Sample

  constructor(record: TaskRecord, cgroup: Cgroup) {
    this.#pid = record.wrapper.pid
    this.#cgroup = cgroup
    // The first interval is the task's life so far.
    this.#last = { atMs: record.startedAt, cpuNanoseconds: 0n }
  }

  measure(): TaskStats {
    const tree = this.#cgroup.cpuNanoseconds() === undefined ? measureTree(this.#pid) : undefined
    const now: Sample = {
      atMs: Date.now(),
      cpuNanoseconds: tree?.cpuNanoseconds ?? this.#cgroup.cpuNanoseconds() ?? 0n,
    }
    const cpu = millicores(this.#last, now)
    this.#last = now
    const bytes = tree?.memoryBytes ?? this.#cgroup.memoryBytes() ?? 0
    return { cpu, memory: Math.ceil(bytes / bytesPerMib) }
  }
}

/** Clocks may be set back, and a tree loses the time of those that have ended: never below 0. */
export function millicores(from: Sample, to: Sample): number {
  const elapsedMs = Math.max(1, to.atMs - from.atMs)
  const microseconds = Number((to.cpuNanoseconds - from.cpuNanoseconds) / 1000n)
  return Math.max(0, Math.round(microseconds / elapsedMs))
}

function measureTree(root: number): { cpuNanoseconds: bigint; memoryBytes: number } {
  let ticks = 0n
  let pages = 0
  const pids = [root]
  for (const pid of pids) {
    const found = readProcess(pid)
    if (!found) continue
    ticks += BigInt(found.cpuTicks)
    pages += found.residentPages
    pids.push(...children(pid))
  }
  return { cpuNanoseconds: ticks * nanosecondsPerTick, memoryBytes: pages * pageBytes }
}

function children(pid: number): number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
    return list === '' ? [] : list.split(' ').map(Number)
  } catch {
    return []
  }
}
