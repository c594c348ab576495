/** `logs`: of one allocation, or of all that runs of a job, each line then with the slot it comes from. */
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Client, Query } from './client.ts'
import {
  type CommonOptions,
  clientOf,
  collect,
  print,
  readNumber,
  step,
  talking,
} from './command.ts'
import { CommandFailure } from './failure.ts'
import { type Allocation, hasEnded } from './jobs.ts'

interface LogsOptions extends CommonOptions {
  follow?: boolean
  tail?: number
  stream?: string
  task?: string[]
}

interface Source {
  readonly path: string
  readonly query: Query
  readonly label: string
}

export function addLogs(program: Command): void {
  talking(
    program,
    'logs <target>',
    'Print what an allocation, or all that runs of a job, has written',
  )
    .option('-f, --follow', 'go on with what is written from now on')
    .option('--tail <lines>', 'begin with the last lines', readNumber)
    .option('--stream <stream>', 'stdout, stderr or both')
    .option('--task <name>', 'only this task; may be repeated', collect)
    .action(async (target: string, options: LogsOptions, command: Command) => {
      const client = clientOf(options, command)
      const sources = (await find(client, target)).flatMap((each) => sourcesOf(each, options))
      if (sources.length === 0) throw new CommandFailure(`nothing of ${target} has logs`)
      if (sources.length === 1) return copy(await client.open(sources[0]!))
      const copied = sources.map((source) => () => label(client, source))
      const failed = options.follow ? await atOnce(copied) : await inTurn(copied)
      if (failed.length > 0) throw new CommandFailure('not all logs could be read', failed)
    })
}

/** Ids of allocations have two dots more than their jobs', so a name is tried as a job first. */
async function find(client: Client, target: string): Promise<Allocation[]> {
  const allocation = async () => [await client.get<Allocation>(`/v1/allocations/${step(target)}`)]
  if (/\.[0-9]+\.[0-9a-f]{8}$/.test(target)) return allocation()
  const all = await client.list<Allocation>(`/v1/jobs/${step(target)}/allocations`)
  const running = all.filter((each) => !hasEnded(each))
  return running.length > 0 ? running : latestOfSlots(all)
}

/** They come by slot, the oldest first. */
function latestOfSlots(all: readonly Allocation[]): Allocation[] {
  return [...new Map(all.map((each) => [each.slot, each])).values()]
}

function sourcesOf({ id, slot, tasks }: Allocation, options: LogsOptions): Source[] {
  const { follow, tail, stream, task: wanted } = options
  const shown = tasks.filter(({ name }) => wanted === undefined || wanted.includes(name))
  return shown.map(({ name: task }) => ({
    path: `/v1/allocations/${step(id)}/logs`,
    query: { task, follow, tail, stream },
    label: tasks.length === 1 ? `${slot}| ` : `${slot} ${task}| `,
  }))
}

async function copy(answer: IncomingMessage): Promise<void> {
  try {
    await pipeline(answer, process.stdout, { end: false })
  } catch (error) {
    throw broken(error)
  }
}

function broken(error: unknown): CommandFailure {
  return new CommandFailure(`the logs broke off: ${(error as Error).message}`)
}

type Copy = () => Promise<string | undefined>

async function atOnce(copies: readonly Copy[]): Promise<string[]> {
  return (await Promise.all(copies.map((copy) => copy()))).filter(isText)
}

async function inTurn(copies: readonly Copy[]): Promise<string[]> {
  const failed: (string | undefined)[] = []
  for (const copy of copies) failed.push(await copy())
  return failed.filter(isText)
}

function isText(value: string | undefined): value is string {
  return value !== undefined
}

/** One instance without logs does not hide those of the others: what went wrong is returned. */
async function label(client: Client, source: Source): Promise<string | undefined> {
  try {
    await copyLabelled(await client.open(source), source.label)
    return undefined
  } catch (error) {
    if (error instanceof CommandFailure) return `${source.label}${error.message}`
    throw error
  }
}

/** Whole lines only, so that those of different instances do not mix. */
async function copyLabelled(answer: IncomingMessage, label: string): Promise<void> {
  answer.setEncoding('utf8')
  let rest = ''
  try {
    for await (const chunk of answer) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      print(lines.map((line) => `${label}${line}\n`).join(''))
    }
  } catch (error) {
    throw broken(error)
  }
  if (rest !== '') print(`${label}${rest}\n`)
}
