/** What this machine has, and what is used of it, by anybody. */
import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import type { Resources } from '../../protocol/placement/resources.ts'

const bytesPerMib = 1024 * 1024
const millicoresPerCore = 1000

/** The kernel, the agent (about 150 MiB) and an operator's shell. */
const reservedMemoryMib = 512

/** On a small machine at most a quarter is kept back. */
export function offeredMemoryMib(totalMib: number): number {
  return totalMib - Math.min(reservedMemoryMib, Math.floor(totalMib / 4))
}

export interface CapacityWishes {
  /** Millicores. */
  readonly cpu?: number | undefined
  /** MiB. */
  readonly memory?: number | undefined
}

/** An agent that is itself confined has no more to give than its confines. */
export async function machineCapacity(
  dataDir: string,
  wishes: CapacityWishes = {},
): Promise<Resources> {
  const confinedBytes = process.constrainedMemory()
  const totalBytes = confinedBytes > 0 ? Math.min(confinedBytes, totalmem()) : totalmem()
  const disk = await statfs(dataDir)
  return {
    cpu: wishes.cpu ?? availableParallelism() * millicoresPerCore,
    memory: wishes.memory ?? offeredMemoryMib(Math.floor(totalBytes / bytesPerMib)),
    disk: Math.floor((disk.bavail * disk.bsize) / bytesPerMib),
    gpu: readdirSync('/dev').filter((name) => /^nvidia[0-9]+$/.test(name)).length,
  }
}

export interface CpuTimes {
  readonly busy: number
  readonly total: number
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks of all cores. */
export function parseCpuTimes(stat: string): CpuTimes {
  const line = stat.slice(0, stat.indexOf('\n'))
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const total = ticks.reduce((sum, each) => sum + each, 0)
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
  return { busy: total - idle, total }
}

/** MiB of a line of /proc/meminfo, which counts in KiB. */
export function parseMemoryMib(meminfo: string, name: string): number {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo) ?? []
  return Math.floor(Number(kib ?? 0) / 1024)
}

export class MachineUse {
  readonly #dataDir: string
  #last: CpuTimes = readCpuTimes()

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** CPU since the last call, the rest at this moment. Devices do not say whether they are in use. */
  async measure(): Promise<Resources> {
    const now = readCpuTimes()
    const elapsed = Math.max(1, now.total - this.#last.total)
    const cores = availableParallelism()
    const cpu = Math.round(((now.busy - this.#last.busy) / elapsed) * cores * millicoresPerCore)
    this.#last = now
    const meminfo = readFileSync('/proc/meminfo', 'latin1')
    const memory = parseMemoryMib(meminfo, 'MemTotal') - parseMemoryMib(meminfo, 'MemAvailable')
    const disk = await statfs(this.#dataDir)
    const usedBytes = (disk.blocks - disk.bfree) * disk.bsize
    return { cpu: Math.max(0, cpu), memory, disk: Math.floor(usedBytes / bytesPerMib), gpu: 0 }
  }
}

function readCpuTimes(): CpuTimes {
  return parseCpuTimes(readFileSync('/proc/stat', 'latin1'))
}
