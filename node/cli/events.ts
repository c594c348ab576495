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

function toLine(event: PublicEvent): string {
  const { at, type } = event
  const time = at === undefined ? ' '.repeat(19) : clockTime(at)
  return `${time}  ${type.padEnd(typeWidth)}  ${sentence(event)}\n`
}

/** Of `allocation-changed`, the longest that is usual. */
const typeWidth = 18

/** What happened, in words; what has no words here yet is told field by field. */
function sentence({ id: _, at: __, nodeId: ___, type, ...fields }: PublicEvent): string {
  const said = (name: string) => String(fields[name] ?? '')
  const because = fields.reason ? `: ${said('reason')}` : ''
  switch (type) {
    case 'member-changed':
      return `${said('node')} is ${said('state')}${fields.previous ? `, was ${said('previous')}` : ''}`
    case 'job-changed':
      return `${said('job')} ${said('change')} at ${said('node')}`
    case 'job-conflict':
      return `${said('job')} was changed twice at once: ${said('winner')} won over ${said('loser')}`
    case 'allocation-changed': {
      const health =
        fields.state === 'running' ? (fields.healthy ? ', healthy' : ', not healthy') : ''
      return `${said('allocation')} ${isNow(said('state'))}${health} on ${said('node')}${because}`
    }
    case 'slot-waiting':
      return `${said('job')} slot ${said('slot')} waits${because}`
    default:
      return fieldByField(fields)
  }
}

function isNow(state: string): string {
  return state === 'failed' ? 'has failed' : `is ${state}`
}

function fieldByField(fields: { readonly [name: string]: unknown }): string {
  const said = Object.entries(fields).filter(([, value]) => value !== null)
  return said.map(([name, value]) => `${name}=${plain(value)}`).join(' ')
}

function plain(value: unknown): string {
  return typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)
}
