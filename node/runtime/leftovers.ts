/**
 * Finds and kills what a task's processes have left behind, however they changed their parents, groups and
 * sessions. A control group knows them all. Without one, what counts is the session, and the two names that
 * every task has in its environment: only a process that leaves its session and clears its environment gets
 * away, and that takes intent.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Cgroup } from './cgroup.ts'
import { type ProcessIdentity, type ProcessStat, readProcess } from './process-identity.ts'
import type { TaskRef } from './runtime.ts'

export interface Family extends TaskRef {
  readonly wrapper: ProcessIdentity
  readonly cgroup: Cgroup
}

/** In the environment of every task. */
export function markers(ref: TaskRef): { [name: string]: string } {
  return { STARLING_ALLOCATION: ref.allocation, STARLING_TASK: ref.task }
}

/** The pids of the task that run, the wrapper among them while it does. */
export function findFamily(family: Family): number[] {
  return family.cgroup.tracks ? family.cgroup.pids() : scan(family).map(({ pid }) => pid)
}

/** Reads all of /proc, 10 µs a process: for machines without control groups. */
export function scan(family: Family): ProcessStat[] {
  const leader = readProcess(family.wrapper.pid)
  // When the pid names another process, so may the session: then only the environment tells.
  const reused = leader !== undefined && leader.startTicks !== family.wrapper.startTicks
  const wanted = Object.entries(markers(family)).map(([name, value]) => `${name}=${value}`)
  const found: ProcessStat[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readProcess(Number(name))
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') continue
    const sameSession = !reused && stat.session === family.wrapper.pid
    if (sameSession || hasEnvironment(name, wanted)) found.push(stat)
  }
  return found
}

function hasEnvironment(pid: string, wanted: readonly string[]): boolean {
  try {
    const env = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return wanted.every((entry) => env.includes(entry))
  } catch {
    return false
  }
}

/** Resolves once nothing is left, or after `patienceMs`, with what is left. */
export async function awaitEnd(family: Family, patienceMs: number): Promise<number[]> {
  const deadline = performance.now() + patienceMs
  for (let attempt = 0; ; attempt++) {
    const left = findFamily(family)
    if (left.length === 0 || performance.now() >= deadline) return left
    await wait(pauseMs(attempt))
  }
}

/** A process that the kernel holds in the middle of a read cannot be killed until that has ended. */
const killPatienceMs = 10_000

/** Kills in sweeps, as what is being killed may still fork. Resolves with what would not die. */
export async function killFamily(family: Family): Promise<number[]> {
  const deadline = performance.now() + killPatienceMs
  for (let attempt = 0; ; attempt++) {
    const left = findFamily(family)
    if (left.length === 0 || performance.now() >= deadline) return left
    for (const pid of left) kill(pid, 'SIGKILL')
    await wait(pauseMs(attempt))
  }
}

/** Whether there was somebody to tell. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}

/** 1, 2, 4, 8, 16, then 20 ms. */
function pauseMs(attempt: number): number {
  return Math.min(20, 2 ** attempt)
}
