/** Waits until a job runs as it was submitted, with one line that shows how far it is. */
import { setTimeout as delay } from 'node:timers/promises'
import type { toAllocation } from '../api/allocations.ts'
import type { toJob } from '../api/jobs.ts'
import type { Client } from './client.ts'
import { step } from './command.ts'
import { CommandFailure } from './failure.ts'
import { duration } from './table.ts'

type Job = ReturnType<typeof toJob>
type Allocation = ReturnType<typeof toAllocation>

const pollIntervalMs = 250

/** `onlyCurrent`: allocations of earlier versions do not count, because they are being replaced. */
export async function waitUntilRunning(
  client: Client,
  id: string,
  onlyCurrent: boolean,
  timeoutMs: number,
): Promise<void> {
  const begun = Date.now()
  const line = new LiveLine()
  while (true) {
    const job = await client.get<Job>(`/v1/jobs/${step(id)}`)
    const allocations = await client.list<Allocation>(`/v1/jobs/${step(id)}/allocations`)
    const current = allocations.filter((each) => !onlyCurrent || each.version === job.version)
    const passed = duration(Date.now() - begun)
    line.show(`${progress(job, current)}${line.isLive ? `, ${passed}` : ''}`)
    if (isDone(job, current, allocations)) return line.end()
    if (Date.now() - begun > timeoutMs) {
      line.end()
      throw new CommandFailure(
        `${id} does not run after ${passed}; \`starling why ${id}\` says why`,
      )
    }
    await delay(pollIntervalMs)
  }
}

function isRunning({ state, healthy }: Allocation): boolean {
  return state === 'running' && healthy
}

function isDone(job: Job, current: readonly Allocation[], all: readonly Allocation[]): boolean {
  const wanted = job.type === 'system' ? Math.max(1, job.count) : job.count
  const reached = current.filter(isRunning).length + job.complete
  const changing = all.some(({ state }) => ['pending', 'starting', 'stopping'].includes(state))
  return job.waiting === 0 && reached >= wanted && !changing
}

function progress(job: Job, current: readonly Allocation[]): string {
  const healthy = current.filter(isRunning).length
  const done = job.complete > 0 ? `, ${job.complete} complete` : ''
  return `${job.id}: ${healthy} of ${job.count} running and healthy, ${job.waiting} waiting${done}`
}

/** Rewritten in place on a terminal; elsewhere a line for each change. On standard error: it is no result. */
class LiveLine {
  readonly isLive = process.stderr.isTTY === true
  #shown = ''

  show(text: string): void {
    if (text === this.#shown) return
    this.#shown = text
    process.stderr.write(this.isLive ? `\r\u001b[2K${text}` : `${text}\n`)
  }

  end(): void {
    if (this.isLive) process.stderr.write('\n')
  }
}
