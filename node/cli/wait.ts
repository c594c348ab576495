/** Waits until what a command asked for has come about, with one line that shows how far it is. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { durationMs } from '../../protocol/placement/job.ts'
import type { toAllocation } from '../api/allocations.ts'
import type { toJob } from '../api/jobs.ts'
import type { Client } from './client.ts'
import { step } from './command.ts'
import { CommandFailure } from './failure.ts'
import { duration } from './table.ts'

export interface WaitOptions {
  wait?: boolean
  timeout: number
}

/** `--wait` and `--timeout`, for a verb whose effect takes its time. */
export function addWaiting(command: Command, what: string): Command {
  return command
    .option('--wait', what)
    .addOption(
      new Option('--timeout <duration>', 'how long to wait: 30s, 5m')
        .argParser(readDuration)
        .default(300_000, '5m'),
    )
}

function readDuration(text: string): number {
  if (/^[0-9]{1,9}(ms|s|m|h)$/.test(text)) return durationMs(text)
  throw new InvalidArgumentError('must be a duration such as 30s or 5m.')
}

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
  const look = async () => {
    const job = await client.get<Job>(`/v1/jobs/${step(id)}`)
    const allocations = await client.list<Allocation>(`/v1/jobs/${step(id)}/allocations`)
    const current = allocations.filter((each) => !onlyCurrent || each.version === job.version)
    return { text: progress(job, current), isDone: isDone(job, current, allocations) }
  }
  await waitFor(look, timeoutMs, (passed) => {
    return `${id} does not run after ${passed}; \`starling why ${id}\` says why`
  })
}

/** Until nothing of a deleted job is left. */
export async function waitUntilStopped(
  client: Client,
  id: string,
  timeoutMs: number,
): Promise<void> {
  const look = async () => {
    const left = (await client.list<Allocation>('/v1/allocations', { job: id })).filter(isLive)
    return { text: `${id}: ${left.length} still there`, isDone: left.length === 0 }
  }
  await waitFor(look, timeoutMs, (passed) => `${id} has not stopped after ${passed}`)
}

/** Until nothing is left on the node. */
export async function waitUntilDrained(
  client: Client,
  node: string,
  timeoutMs: number,
): Promise<void> {
  const look = async () => {
    const left = (await client.list<Allocation>('/v1/allocations', { node })).filter(isLive)
    return { text: `${node}: ${left.length} still there`, isDone: left.length === 0 }
  }
  await waitFor(look, timeoutMs, (passed) => {
    return `${node} is not empty after ${passed}; \`starling why JOB\` says what a job waits for`
  })
}

async function waitFor(
  look: () => Promise<{ text: string; isDone: boolean }>,
  timeoutMs: number,
  failure: (passed: string) => string,
): Promise<void> {
  const begun = Date.now()
  const line = new LiveLine()
  while (true) {
    const { text, isDone } = await look()
    const passed = duration(Date.now() - begun)
    line.show(`${text}${line.isLive ? `, ${passed}` : ''}`)
    if (isDone) return line.end()
    if (Date.now() - begun > timeoutMs) {
      line.end()
      throw new CommandFailure(failure(passed))
    }
    await delay(pollIntervalMs)
  }
}

function isLive({ state }: Allocation): boolean {
  return ['pending', 'starting', 'running', 'stopping'].includes(state)
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
