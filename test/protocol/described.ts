/** What members say to each other about records and slots, as a line that a person can read. */
import type { Message } from '../../protocol/message.ts'
import type { AllocationBody } from '../../protocol/placement/allocation.ts'
import type { Nodes } from '../../protocol/replication/message.ts'
import type { ReplicaRecord } from '../../protocol/replication/record.ts'

/** Undefined for what is about who is there. */
export function describeMessage(message: Message): string | undefined {
  switch (message.type) {
    case 'replicate':
      return `keep ${describeRecords(message.records ?? [])}`
    case 'replicated':
      return 'kept'
    case 'sync-root':
      return `root${message.answer ? ' too' : ''}`
    case 'sync-ask':
      return `asks${parts([
        [message.recent, 'new here', listed],
        [message.branches, 'below', listed],
        [message.wanted, 'send', listed],
        [message.records, 'take', describeRecords],
      ])}`
    case 'sync-answer':
      return `answers${parts([
        [message.branches, 'below', listed],
        [message.buckets, 'entries of', listed],
        [message.wanted, 'send', listed],
        [message.records, 'take', describeRecords],
      ])}`
    case 'place-request':
      return `run ${message.job}.${message.slot}?`
    case 'place-response':
      return message.allocation === null
        ? `no to ${message.job}.${message.slot}: ${message.reason}`
        : `yes to ${message.job}.${message.slot}`
    case 'stop-request':
      return `stop ${withoutChance(message.allocation)}: ${withoutChance(message.reason)}`
    default:
      return undefined
  }
}

/** `alloc/a/web.0 running+`: + is healthy. */
export function describeRecord({ key, body }: ReplicaRecord): string {
  const name = key.startsWith('alloc/') ? withoutChance(key) : key
  if (body === null) return `${name} deleted`
  if (key.startsWith('alloc/')) {
    const { state, healthy } = body as unknown as AllocationBody
    return `${name} ${state}${healthy ? '+' : ''}`
  }
  if (!key.endsWith('/count')) return name
  return `${name} ${(body as unknown as { count: number }).count}`
}

function describeRecords(records: readonly unknown[]): string {
  return (records as readonly ReplicaRecord[]).map(describeRecord).join(', ')
}

/** Where in the tree, `/` for its root. */
function listed({ paths }: Nodes): string {
  return paths.map((path) => `/${path}`).join(' ') || 'nothing'
}

type Part = [value: never, name: string, say: (value: never) => string]

function parts(all: readonly (readonly [unknown, string, (value: never) => string])[]): string {
  const said = (all as readonly Part[])
    .filter(([value]) => value !== undefined)
    .map(([value, name, say]) => `${name} ${say(value)}`)
  return said.length === 0 ? '' : `: ${said.join('; ')}`
}

/** The eight hexadecimal digits of an allocation's name say nothing to a reader. */
function withoutChance(text: string): string {
  return text.replaceAll(/(\.\d+)\.[0-9a-f]{8}\b/g, '$1')
}
