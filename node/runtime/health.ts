/**
 * Runs the checks of this node's tasks, and tells when one turns: its first result, from passing to failing,
 * and back. What follows from that, the core decides.
 *
 * A check fails after `failures` bad results in a row, and passes with one good one. Before the first good one
 * the bad ones do not count for as long as `grace` lasts: a task takes its time to come up. During that time
 * the check runs more often, since a roll-out waits for it. Later each goes at its interval from a phase of its
 * own, so that those of a thousand tasks started together do not run together.
 */
import type { AllocationId } from '../../protocol/base/id.ts'
import { type CheckSpec, durationMs, type TaskSpec } from '../../protocol/placement/job.ts'
import { type CheckResult, type Exec, runCheck } from './check.ts'
import type { TaskRef } from './runtime.ts'

export interface CheckTurn extends TaskRef {
  /** Its place among the task's checks. */
  readonly check: number
  readonly passing: boolean
  readonly output: string
}

export interface CheckMonitorOptions {
  readonly exec: Exec
  readonly onTurn: (turn: CheckTurn) => void
  /** Where the tasks' ports are reached. @default '127.0.0.1' */
  readonly host?: string
  /** Checks that run at the same time; each has a socket or a process. @default 32 */
  readonly concurrency?: number
  /** In [0, 1). @default Math.random */
  readonly random?: () => number
}

export interface Tally {
  /** Undefined before anything was told. */
  readonly passing: boolean | undefined
  /** Bad results in a row that count. */
  readonly failures: number
}

export const freshTally: Tally = { passing: undefined, failures: 0 }

/** What a result makes of a check. It has turned where `passing` differs. */
export function tally(
  before: Tally,
  passing: boolean,
  limits: { readonly failures: number; readonly isInGrace: boolean },
): Tally {
  if (passing) return { passing: true, failures: 0 }
  if (before.passing === undefined && limits.isInGrace) return before
  const failures = before.failures + 1
  return { passing: failures >= limits.failures ? false : before.passing, failures }
}

const firstDelayMs = 50

interface Watched {
  readonly ref: TaskRef
  readonly index: number
  readonly spec: CheckSpec
  readonly port: number
  readonly startedAtMs: number
  tally: Tally
  runs: number
  timer: NodeJS.Timeout | undefined
  isWatched: boolean
}

export class CheckMonitor {
  readonly #exec: Exec
  readonly #onTurn: (turn: CheckTurn) => void
  readonly #host: string
  readonly #concurrency: number
  readonly #random: () => number
  readonly #watched = new Map<string, Watched[]>()
  readonly #waiting: Watched[] = []
  #running = 0

  constructor(options: CheckMonitorOptions) {
    this.#exec = options.exec
    this.#onTurn = options.onTurn
    this.#host = options.host ?? '127.0.0.1'
    this.#concurrency = options.concurrency ?? 32
    this.#random = options.random ?? Math.random
  }

  /** Watching again what is watched begins anew: the task was restarted. */
  watch(
    allocation: AllocationId,
    task: TaskSpec,
    ports: { readonly [name: string]: number },
  ): void {
    this.unwatch(allocation, task.name)
    const checks = task.checks.map(
      (spec, index): Watched => ({
        ref: { allocation, task: task.name },
        index,
        spec,
        port: ports[spec.port ?? ''] ?? 0,
        startedAtMs: performance.now(),
        tally: freshTally,
        runs: 0,
        timer: undefined,
        isWatched: true,
      }),
    )
    if (checks.length > 0) this.#watched.set(`${allocation}/${task.name}`, checks)
    for (const check of checks) this.#schedule(check)
  }

  unwatch(allocation: AllocationId, task: string): void {
    const key = `${allocation}/${task}`
    for (const check of this.#watched.get(key) ?? []) {
      check.isWatched = false
      clearTimeout(check.timer)
    }
    this.#watched.delete(key)
  }

  close(): void {
    for (const [first] of [...this.#watched.values()])
      if (first) this.unwatch(first.ref.allocation, first.ref.task)
  }

  #schedule(check: Watched): void {
    if (!check.isWatched) return
    check.timer = setTimeout(() => this.#enqueue(check), this.#delayMs(check)).unref()
  }

  #delayMs(check: Watched): number {
    const intervalMs = durationMs(check.spec.interval)
    const isSettled = check.tally.passing !== undefined || !isInGrace(check)
    const eager = firstDelayMs * 2 ** Math.min(check.runs, 20)
    const delayMs = isSettled ? intervalMs : Math.min(intervalMs, eager)
    // The first interval after it has settled is the phase of its own; later ones differ a little.
    const spread = isSettled && check.runs === 0 ? 1 : 0.1
    return Math.round(delayMs * (1 - spread * this.#random()))
  }

  #enqueue(check: Watched): void {
    this.#waiting.push(check)
    this.#runNext()
  }

  #runNext(): void {
    while (this.#running < this.#concurrency) {
      const check = this.#waiting.shift()
      if (check === undefined) return
      if (!check.isWatched) continue
      this.#running++
      void this.#run(check).finally(() => {
        this.#running--
        this.#runNext()
      })
    }
  }

  async #run(check: Watched): Promise<void> {
    const target = { ref: check.ref, host: this.#host, port: check.port }
    const result = await runCheck(check.spec, target, this.#exec)
    if (!check.isWatched) return
    check.runs++
    if (result !== undefined) this.#count(check, result)
    this.#schedule(check)
  }

  #count(check: Watched, { passing, output }: CheckResult): void {
    const before = check.tally
    const limits = { failures: check.spec.failures, isInGrace: isInGrace(check) }
    check.tally = tally(before, passing, limits)
    if (check.tally.passing === before.passing) return
    // Eager runs are over: from here on a phase of its own.
    if (before.passing === undefined) check.runs = 0
    this.#onTurn({ ...check.ref, check: check.index, passing, output })
  }
}

function isInGrace(check: Watched): boolean {
  return performance.now() - check.startedAtMs < durationMs(check.spec.grace)
}
