/**
 * A machine's death: an agent and its tasks are killed at once. Measured until every survivor marks it down, and
 * until its slots run elsewhere; then the agent is started again, and the next one dies.
 */
import { type LocalAgent, LocalCluster, until } from '../cluster.ts'
import { atMost, type Figure, median } from './figure.ts'
import { MemberWatch } from './member-watch.ts'

interface Death {
  readonly knownMs: number
  readonly replacedMs: number
}

export async function benchDeath(agents: number, kills: number): Promise<Figure[]> {
  const cluster = await LocalCluster.start({ agents, staggerMs: agents > 20 ? 1500 : 150 })
  try {
    const count = 2 * agents
    await cluster.agents[0]!.request('POST', '/v1/jobs', {
      id: 'spread',
      count,
      tasks: [{ name: 'main', process: { command: ['sleep', '3600'] } }],
    })
    await until(() => runs(cluster.agents[0]!, count), `${count} run`, 180_000)
    const deaths: Death[] = []
    for (let i = 0; i < kills; i++) {
      const victim = cluster.agents[1 + (i % (agents - 1))]!
      deaths.push(await die(cluster, victim, count))
      victim.start()
      await cluster.whole()
      await until(() => runs(cluster.agents[0]!, count), `${count} run again`, 180_000)
    }
    return figures(agents, deaths)
  } finally {
    await cluster.stop()
  }
}

async function die(cluster: LocalCluster, victim: LocalAgent, count: number): Promise<Death> {
  const id = (await victim.get<{ self: string }>('/v1/cluster')).self
  const survivors = cluster.agents.filter((agent) => agent !== victim)
  const watch = await MemberWatch.open(survivors)
  try {
    const startedAt = performance.now()
    await victim.killMachine()
    const known = watch.downAt(survivors, id, 60_000)
    await until(() => runsWithout(survivors[0]!, id, count), 'replaced', 60_000)
    const replacedMs = performance.now() - startedAt
    return { knownMs: Math.max(...(await known)) - startedAt, replacedMs }
  } finally {
    watch.close()
  }
}

async function runs(agent: LocalAgent, count: number): Promise<boolean> {
  return (await agent.get<{ running: number }>('/v1/jobs/spread')).running === count
}

async function runsWithout(agent: LocalAgent, id: string, count: number): Promise<boolean> {
  const { items } = await agent.get<{ items: { nodeId: string; state: string; slot: number }[] }>(
    '/v1/jobs/spread/allocations?limit=1000',
  )
  const live = items.filter((each) => each.state === 'running' && each.nodeId !== id)
  return new Set(live.map((each) => each.slot)).size === count
}

function figures(agents: number, deaths: readonly Death[]): Figure[] {
  const known = deaths.map((death) => death.knownMs / 1000)
  const replaced = deaths.map((death) => death.replacedMs / 1000)
  const most = (values: number[]) => `most ${Math.max(...values).toFixed(2)} s of ${values.length}`
  return [
    {
      name: `death known to all, ${agents} agents`,
      value: median(known),
      unit: 's',
      note: most(known),
    },
    atMost(3, {
      name: `its slots run elsewhere, ${agents} agents`,
      value: median(replaced),
      unit: 's',
      note: most(replaced),
    }),
  ]
}
