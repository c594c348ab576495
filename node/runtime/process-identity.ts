/**
 * Which process is meant by a pid that was written down earlier. Pids are used again, so a process is known by
 * its pid, the time it started in clock ticks since the boot (`proc(5)`, field 22 of `stat`), and the boot.
 */
import { readFileSync } from 'node:fs'

export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: number
}

export interface ProcessStat extends ProcessIdentity {
  readonly state: string
  readonly group: number
  readonly session: number
  /** User and system time in clock ticks. */
  readonly cpuTicks: number
  readonly residentPages: number
}

/** Undefined when there is no such process. */
export function readProcess(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** The command's name may hold blanks and parentheses, so the fields are counted from the last `)`. */
export function parseStat(stat: string): ProcessStat | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (field: number): number => Number(fields[field - 3])
  const pid = Number.parseInt(stat, 10)
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(at(22))) return undefined
  return {
    pid,
    state: fields[0] ?? '?',
    group: at(5),
    session: at(6),
    cpuTicks: at(14) + at(15),
    startTicks: at(22),
    residentPages: at(24),
  }
}

/** A zombie does not run: it only waits for a parent that may never ask. */
export function isRunning(identity: ProcessIdentity): boolean {
  const found = readProcess(identity.pid)
  return (
    found !== undefined &&
    found.startTicks === identity.startTicks &&
    found.state !== 'Z' &&
    found.state !== 'X'
  )
}

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}
