/** `nodes` and `drain`. */
import type { Command } from 'commander'
import type { toNode } from '../api/nodes.ts'
import { stateCell } from './colour.ts'
import {
  type CommonOptions,
  clientOf,
  print,
  printJson,
  reading,
  step,
  talking,
} from './command.ts'
import { clockTime, cores, memory, table } from './table.ts'
import { addWaiting, type WaitOptions, waitUntilDrained } from './wait.ts'

type Node = ReturnType<typeof toNode>

export function addNodes(program: Command): void {
  reading(program, 'nodes', 'List the nodes, with what is taken of what they have').action(
    async (options: CommonOptions, command: Command) => {
      const items = await clientOf(options, command).list<Node>('/v1/nodes')
      if (options.json) printJson({ items })
      else print(showNodes(items) + showTroubles(items))
    },
  )
  addWaiting(
    talking(program, 'drain <node>', 'Move the work of a node elsewhere and give it no more'),
    'until nothing is left on it',
  )
    .option('--off', 'take the node back into use')
    .action(async (node: string, options: DrainOptions, command: Command) => {
      const client = clientOf(options, command)
      const body = { draining: options.off !== true }
      const path = `/v1/nodes/${step(node)}/drain`
      await client.ask({ method: 'POST', path, body })
      print(`${node} ${options.off ? 'is in use again' : 'drains'}\n`)
      if (options.wait && !options.off) await waitUntilDrained(client, node, options.timeout)
    })
}

interface DrainOptions extends CommonOptions, WaitOptions {
  off?: boolean
}

function showNodes(nodes: readonly Node[]): string {
  const heads = ['NAME', 'STATE', 'ADDRESS', 'CPU', 'MEMORY', 'RUNS', 'LABELS', 'VERSION', 'ID']
  const rows = nodes.map((node) => [
    node.name,
    showState(node),
    node.address || '-',
    `${cores(node.committed.cpu)}/${cores(node.capacity.cpu)}`,
    `${memory(node.committed.memory)}/${memory(node.capacity.memory)}`,
    node.runtimes.join(',') || 'nothing',
    Object.entries(node.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',') || '-',
    node.version || '-',
    node.id.slice(-shortId),
  ])
  return table(heads, rows)
}

/** All ids begin alike; the end of one names a node as well as the whole. */
const shortId = 8

function showState({ state, draining, awayUntil }: Node) {
  if (state === 'down' && awayUntil !== undefined && awayUntil > Date.now())
    return stateCell('suspect', `away until ${clockTime(awayUntil).slice(11)}`)
  return draining ? stateCell('draining', `${state}, draining`) : stateCell(state)
}

/** Of nodes that are down, what they last said is of no use. */
function showTroubles(nodes: readonly Node[]): string {
  const lines = nodes
    .filter(({ state }) => state === 'alive')
    .flatMap(({ name, troubles }) => troubles.map((trouble) => `${name}: ${trouble}\n`))
  return lines.length === 0 ? '' : `\n${lines.join('')}`
}
