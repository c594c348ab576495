/** `events`: what happened of late, or happens now. After a lost connection it goes on where it was. */
import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { PublicEvent } from '../api/event-feed.ts'
import type { Client, Query } from './client.ts'
import { type CommonOptions, clientOf, print, reading, readNumber } from './command.ts'
import { clockTime } from './table.ts'

interface EventsOptions extends CommonOptions {
  follow?: boolean
  tail: number
  job?: string
  node?: string
  type?: string
}

const retryMs = 1000

export function addEvents(program: Command): void {
  reading(program, 'events', 'Print what happened of late, with --follow also what happens')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--tail <number>', 'begin with the last ones', readNumber, 100)
    .option('--job <job>', 'only of this job')
    .option('--node <node>', 'only of this node')
    .option('--type <type>', 'only of this type')
    .action(async (options: EventsOptions, command: Command) => {
      const { follow = false, tail, job, node, type, json = false } = options
      const query = { follow, tail, job, node, type }
      await show(clientOf(options, command), query, follow, json ? toJsonLine : toLine)
    })
}

async function show(
  client: Client,
  query: Query,
  follow: boolean,
  format: (event: PublicEvent) => string,
): Promise<void> {
  let lastId: string | undefined
  do {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
    const answer = await client.open({ path: '/v1/events', query, headers })
    for await (const event of readEvents(answer)) {
      lastId = event.id ?? lastId
      print(format(event))
    }
    if (follow) await delay(retryMs)
  } while (follow)
}

/** Frames end with an empty line; only their data matters here. */
async function* readEvents(answer: IncomingMessage): AsyncGenerator<PublicEvent> {
  answer.setEncoding('utf8')
  let rest = ''
  try {
    for await (const chunk of answer) {
      const frames = (rest + chunk).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        const data = frame.split('\n').find((line) => line.startsWith('data: '))
        if (data !== undefined) yield JSON.parse(data.slice('data: '.length))
      }
    }
  } catch {
    // The connection broke: whoever follows asks again.
  }
}

/** One event a line, for `jq` and its like. */
function toJsonLine(event: PublicEvent): string {
  return `${JSON.stringify(event)}\n`
}

function toLine({ id: _, at, type, nodeId: __, ...fields }: PublicEvent): string {
  const said = Object.entries(fields).filter(([, value]) => value !== null)
  const words = said.map(([name, value]) => `${name}=${plain(value)}`)
  return `${at === undefined ? ' '.repeat(19) : clockTime(at)}  ${type.padEnd(18)}  ${words.join(' ')}\n`
}

function plain(value: unknown): string {
  return typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)
}
