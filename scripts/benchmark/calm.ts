/**
 * False deaths: agents that are all alive, idle or with the machine's cores fully loaded. A false death is any
 * word of any agent that a member is down or has left; a doubt is a raised incarnation: a death outbid.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { LocalCluster } from '../cluster.ts'
import { atMost, type Figure } from './figure.ts'
import { MemberWatch } from './member-watch.ts'

interface NodeShape {
  readonly name: string
  readonly incarnation: number
}

export async function benchCalm(
  agents: number,
  seconds: number,
  loadSeconds: number,
): Promise<Figure[]> {
  const cluster = await LocalCluster.start({ agents, staggerMs: 2000 })
  const burners: ChildProcess[] = []
  try {
    const idle = await watch(cluster, seconds)
    for (const _ of cpus()) burners.push(spawn('sh', ['-c', 'while :; do :; done']))
    const loaded = await watch(cluster, loadSeconds)
    const name = (what: string, s: number) => `false deaths, ${agents} agents, ${what}, ${s} s`
    const note = ({ suspicions, doubts }: { suspicions: number; doubts: number }) =>
      `${suspicions} suspicions, ${doubts} raised incarnations`
    return [
      atMost(0, {
        name: name('idle', seconds),
        value: idle.deaths,
        unit: '',
        note: note(idle),
      }),
      atMost(0, {
        name: name('cores fully loaded', loadSeconds),
        value: loaded.deaths,
        unit: '',
        note: note(loaded),
      }),
    ]
  } finally {
    for (const burner of burners) burner.kill('SIGKILL')
    await cluster.stop()
  }
}

async function watch(cluster: LocalCluster, seconds: number) {
  const before = await incarnations(cluster)
  const watch = await MemberWatch.open(cluster.agents)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  watch.close()
  const words = watch.changes.filter(({ state }) => state === 'down' || state === 'left')
  const suspicions = watch.changes.filter(({ state }) => state === 'suspect').length
  const after = await incarnations(cluster)
  const doubts = [...after].reduce(
    (sum, [name, count]) => sum + count - (before.get(name) ?? count),
    0,
  )
  return { deaths: new Set(words.map(({ nodeId }) => nodeId)).size, suspicions, doubts }
}

async function incarnations(cluster: LocalCluster): Promise<Map<string, number>> {
  const { items } = await cluster.agents[0]!.get<{ items: NodeShape[] }>('/v1/nodes?limit=1000')
  return new Map(items.map((node) => [node.name, node.incarnation]))
}
