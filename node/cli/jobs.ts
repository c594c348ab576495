/** `jobs`, `ps`, `scale`, `stop`, `history`: jobs and what runs of them. */
import type { Command } from 'commander'
import type { toAllocation } from '../api/allocations.ts'
import type { toJob } from '../api/jobs.ts'
import { stateCell } from './colour.ts'
import {
  type CommonOptions,
  clientOf,
  print,
  printJson,
  readArgument,
  reading,
  step,
  talking,
} from './command.ts'
import { type Cell, clockTime, duration, table } from './table.ts'
import { addWaiting, type WaitOptions, waitUntilRunning, waitUntilStopped } from './wait.ts'

export type Job = ReturnType<typeof toJob>
export type Allocation = ReturnType<typeof toAllocation>

interface Change {
  field: string
  version: string
  node: string
  at: number
  outcome: string
  deleted: boolean
  value: unknown
}

export function addJobs(program: Command): void {
  addReading(program)
  addWriting(program)
}

function addReading(program: Command): void {
  reading(program, 'jobs', 'List the jobs').action(
    async (options: CommonOptions, command: Command) => {
      const items = await clientOf(options, command).list<Job>('/v1/jobs')
      if (options.json) printJson({ items })
      else print(showJobs(items))
    },
  )
  reading(program, 'ps [job]', 'List what runs, of one job or of all')
    .option('-a, --all', 'also what has ended')
    .action(async (job: string | undefined, options: PsOptions, command: Command) => {
      const path = job === undefined ? '/v1/allocations' : `/v1/jobs/${step(job)}/allocations`
      const found = await clientOf(options, command).list<Allocation>(path)
      const items = options.all ? found : found.filter((each) => !hasEnded(each))
      if (options.json) printJson({ items })
      else print(showAllocations(items, Date.now()))
    })
  reading(program, 'history <job>', 'Show the versions of a job, with those that lost').action(
    async (job: string, options: CommonOptions, command: Command) => {
      const items = await clientOf(options, command).list<Change>(`/v1/jobs/${step(job)}/history`)
      if (options.json) printJson({ items })
      else print(showHistory(items))
    },
  )
}

interface PsOptions extends CommonOptions {
  all?: boolean
}

function addWriting(program: Command): void {
  addWaiting(
    talking(program, 'scale <job> <count>', 'Change how many instances a job has'),
    'until as many run and are healthy',
  ).action(async (job: string, count: string, options: ScaleOptions, command: Command) => {
    const client = clientOf(options, command)
    const body = { count: readArgument('count', count) }
    await client.ask({ method: 'POST', path: `/v1/jobs/${step(job)}/scale`, body })
    print(`${job} scaled to ${count}\n`)
    if (options.wait) await waitUntilRunning(client, job, false, options.timeout)
  })
  addWaiting(
    talking(program, 'stop <job>', 'Delete a job and stop all that runs of it'),
    'until all of it has stopped',
  )
    .option('--allocation', 'stop one allocation instead; its slot is placed again')
    .action(async (name: string, options: StopOptions, command: Command) => {
      const client = clientOf(options, command)
      if (options.allocation)
        await client.ask({ method: 'POST', path: `/v1/allocations/${step(name)}/stop` })
      else await client.ask({ method: 'DELETE', path: `/v1/jobs/${step(name)}` })
      print(`${name} ${options.allocation ? 'is told to stop' : 'deleted'}\n`)
      if (options.wait && !options.allocation) await waitUntilStopped(client, name, options.timeout)
    })
}

type ScaleOptions = CommonOptions & WaitOptions

interface StopOptions extends CommonOptions, WaitOptions {
  allocation?: boolean
}

export function hasEnded({ state }: Pick<Allocation, 'state'>): boolean {
  return state === 'complete' || state === 'failed' || state === 'lost'
}

function showJobs(jobs: readonly Job[]): string {
  if (jobs.length === 0) return 'no jobs; `starling run FILE` submits one\n'
  const counted = ['COUNT', 'RUNNING', 'HEALTHY', 'WAITING', 'COMPLETE']
  const heads = ['JOB', 'TYPE', 'STATE', ...counted, 'VERSION']
  const rows = jobs.map((job) => [
    job.id,
    job.type,
    stateCell(job.state),
    ...[job.count, job.running, job.healthy, job.waiting].map(String),
    job.type === 'batch' ? String(job.complete) : '-',
    job.version,
  ])
  return table(heads, rows)
}

function showAllocations(allocations: readonly Allocation[], now: number): string {
  if (allocations.length === 0) return 'nothing runs\n'
  const heads = [
    'ALLOCATION',
    'JOB',
    'SLOT',
    'NODE',
    'STATE',
    'HEALTHY',
    'PORTS',
    'RESTARTS',
    'AGE',
    'REASON',
  ]
  const rows = allocations.map((each): Cell[] => [
    each.id,
    each.job,
    String(each.slot),
    each.node,
    stateCell(each.state),
    each.healthy ? 'yes' : 'no',
    showPorts(each.ports),
    String(each.tasks.reduce((sum, task) => sum + task.restarts, 0)),
    duration(now - each.createdAt),
    showReason(each),
  ])
  return table(rows.some((row) => row.at(-1) !== '') ? heads : heads.slice(0, -1), rows)
}

/** Why it ended, or why a task of it does not run just now. */
function showReason({ reason, tasks }: Allocation): string {
  const troubled = tasks.find((task) => task.state === 'backing-off' && task.reason !== undefined)
  const [first = ''] = (reason ?? troubled?.reason ?? '').split('\n')
  return first.length > reasonLength ? `${first.slice(0, reasonLength - 1)}…` : first
}

/** What is left of a wide terminal. The whole is in --json. */
const reasonLength = 60

function showPorts(ports: { readonly [name: string]: number }): string {
  const shown = Object.entries(ports).map(([name, port]) => `${name}:${port}`)
  return shown.join(',') || '-'
}

function showHistory(changes: readonly Change[]): string {
  const rows = changes.map(({ at, node, field, version, outcome, deleted, value }) => [
    clockTime(at),
    node,
    deleted ? 'deleted' : field === 'count' ? `count ${value}` : 'spec',
    version,
    outcome,
  ])
  return table(['TIME', 'NODE', 'CHANGE', 'VERSION', 'OUTCOME'], rows)
}
