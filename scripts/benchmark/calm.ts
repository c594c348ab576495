/**
 * False deaths: agents that are all alive, idle or with the machine's cores fully loaded. A false death is any
 * member that any agent ever held for down; a doubt is a raised incarnation, which means a suspicion refuted.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { LocalCluster } from '../cluster.ts'
import { atMost, type Figure } from './figure.ts'

interface NodeShape {
  readonly name: string
  readonly state: string
  readonly incarnation: number
}

export async function benchCalm(
  agents: number,
  seconds: number,
  loadSeconds: number,
): Promise<Figure[]> {
  const cluster = await LocalCluster.start({ agents, staggerMs: 1000 })
  const burners: ChildProcess[] = []
  try {
    const idle = await watch(cluster, seconds)
    for (const _ of cpus()) burners.push(spawn('sh', ['-c', 'while :; do :; done']))
    const loaded = await watch(cluster, loadSeconds)
    const name = (what: string, s: number) => `false deaths, ${agents} agents, ${what}, ${s} s`
    const note = (doubts: number) => `${doubts} refuted suspicions`
    return [
      atMost(0, {
        name: name('idle', seconds),
        value: idle.deaths,
        unit: '',
        note: note(idle.doubts),
      }),
      atMost(0, {
        name: name('cores fully loaded', loadSeconds),
        value: loaded.deaths,
        unit: '',
        note: note(loaded.doubts),
      }),
    ]
  } finally {
    for (const burner of burners) burner.kill('SIGKILL')
    await cluster.stop()
  }
}

async function watch(cluster: LocalCluster, seconds: number) {
  const deaths = new Set<string>()
  const before = await incarnations(cluster)
  const end = performance.now() + seconds * 1000
  for (let i = 0; performance.now() < end; i++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const agent = cluster.agents[i % cluster.agents.length]!
    const nodes = await agent
      .get<{ items: NodeShape[] }>('/v1/nodes?limit=1000')
      .catch(() => undefined)
    for (const node of nodes?.items ?? [])
      if (node.state === 'down' || node.state === 'left') deaths.add(node.name)
  }
  const after = await incarnations(cluster)
  const doubts = [...after].reduce(
    (sum, [name, count]) => sum + count - (before.get(name) ?? count),
    0,
  )
  return { deaths: deaths.size, doubts }
}

async function incarnations(cluster: LocalCluster): Promise<Map<string, number>> {
  const { items } = await cluster.agents[0]!.get<{ items: NodeShape[] }>('/v1/nodes?limit=1000')
  return new Map(items.map((node) => [node.name, node.incarnation]))
}
