/** Services through the DHT, asked of agents that run none of their instances. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../protocol/limits.ts'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import { said, says } from './command-line.ts'
import { type AllocationShape, runningOf } from './shapes.ts'

const services = suite('e2e/services')
let cluster: LocalCluster
/** A condition that has not come by then never comes, however busy the machine is. */
const patienceMs = 60_000
const agent = (i: number) => cluster.agents[i - 1]!

services.before(async () => {
  cluster = await LocalCluster.start({ agents: 3, cpu: 2000, memory: 2048 })
})

services.after(() => cluster?.stop())

/** Four times the walks that an agent makes at once; the rest of them go without. */
const manyNames = 4 * limits.dhtQueries

interface ServiceShape {
  readonly source: string
  readonly endpoints: readonly {
    readonly allocation: string
    readonly node: string
    readonly host: string
    readonly port: number
    readonly healthy: boolean
  }[]
}

/** Says hello on its port; its check asks for `path`. */
function web(id: string, nodes: string, count = 1, path = '/') {
  const script = `mkdir -p www && echo ${id} of $STARLING_NODE > www/index.html && cd www && `
  const serve = 'exec python3 -m http.server "$PORT_HTTP" --bind 127.0.0.1'
  return {
    id,
    count,
    constraints: [{ attribute: 'node.name', operator: 'like', value: nodes }],
    tasks: [
      {
        name: 'server',
        process: { command: ['sh', '-c', script + serve] },
        resources: { cpu: 20, memory: 48 },
        ports: [{ name: 'http' }],
        checks: [{ type: 'http', path, port: 'http', interval: '200ms' }],
        stopGrace: '1s',
      },
    ],
    services: [{ name: id, port: 'http' }],
  }
}

/** A service that the agent has not heard of yet has no endpoints. */
async function find(asked: LocalAgent, name: string): Promise<ServiceShape> {
  const answer = await asked.request('GET', `/v1/services/${name}`)
  if (answer.status === 404) return { source: 'none', endpoints: [] }
  return (await answer.json()) as ServiceShape
}

const nodesOf = ({ endpoints }: ServiceShape) =>
  endpoints
    .filter(({ healthy }) => healthy)
    .map(({ node }) => node)
    .sort()
    .join()

/** Until the agent names just these nodes. */
function names(asked: LocalAgent, service: string, nodes: string, withinMs: number) {
  return until(
    async () => nodesOf(await find(asked, service)) === nodes,
    `${asked.name} finds ${service} on ${nodes || 'no node'}`,
    withinMs,
  )
}

services('an agent without an instance finds it by the DHT, and it answers there', async () => {
  await agent(1).request('POST', '/v1/jobs', web('one', 'n1'))
  await names(agent(1), 'one', 'n1', patienceMs)
  for (const asked of [agent(2), agent(3)]) {
    await names(asked, 'one', 'n1', patienceMs)
    await until(
      async () => (await find(asked, 'one')).source === 'dht',
      `${asked.name} has it of the DHT`,
      patienceMs,
    )
    const [endpoint] = (await find(asked, 'one')).endpoints
    const answer = await fetch(`http://${endpoint!.host}:${endpoint!.port}/`)
    assert.is(await answer.text(), 'one of n1\n')
  }
  await says(agent(3), 'services', /^one +1\/1 +127\.0\.0\.1:[0-9]+$/m)
  await says(agent(3), 'services one', /^127\.0\.0\.1:[0-9]+ +yes +n1 +one\.0\./m)
})

services('a name that the DHT does not answer for is answered by the replica', async () => {
  const labels = Array.from({ length: manyNames }, (_, i) => `label-${i}`)
  const job = { ...web('broad', 'n1'), services: labels.map((name) => ({ name, port: 'http' })) }
  await agent(1).request('POST', '/v1/jobs', job)
  const known = async () => {
    const path = '/v1/services?limit=1000'
    const { items } = await agent(2).get<{ items: (ServiceShape & { name: string })[] }>(path)
    const there = items.filter((each) => nodesOf(each) === 'n1').map(({ name }) => name)
    return labels.every((label) => there.includes(label))
  }
  await until(known, 'the replica has all', patienceMs)
  const sources = new Set<string>()
  const hasBoth = async () => {
    const found = await Promise.all(labels.map((label) => find(agent(2), label)))
    assert.equal(found.map(nodesOf), Array(manyNames).fill('n1'))
    for (const { source } of found) sources.add(source)
    return sources.size === 2
  }
  await until(hasBoth, 'one of the DHT, and one that it had no room for', patienceMs)
  await agent(1).request('DELETE', '/v1/jobs/broad')
})

services('what is stopped is not named any more', async () => {
  await agent(2).request('POST', '/v1/jobs', web('many', 'n1|n2', 2))
  await names(agent(3), 'many', 'n1,n2', patienceMs)
  await agent(2).request('POST', '/v1/jobs/many/scale', { count: 1 })
  await until(
    async () => (await find(agent(3), 'many')).endpoints.length === 1,
    'one is left',
    patienceMs,
  )
  await agent(2).request('DELETE', '/v1/jobs/many')
  await until(
    async () => (await agent(3).request('GET', '/v1/services/many')).status === 404,
    'the service is no more',
    patienceMs,
  )
})

services(
  'an instance that is not healthy has no provider: the replica says what it knows',
  async () => {
    await agent(1).request('POST', '/v1/jobs', web('ailing', 'n1', 1, '/not-there'))
    const runs = async () => (await runningOf(agent(3), 'ailing')).length === 1
    await until(runs, 'it runs', patienceMs)
    const { source, endpoints } = await find(agent(3), 'ailing')
    assert.equal([source, endpoints.map(({ healthy }) => healthy)], ['replica', [false]])
    assert.match(await said(agent(3), 'services ailing'), /the DHT named no provider/)
    await agent(1).request('DELETE', '/v1/jobs/ailing')
  },
)

services('a dead node’s instances are not named, and those that take over are', async () => {
  await agent(1).request('POST', '/v1/jobs', web('moving', 'n*', 3))
  await names(agent(3), 'moving', 'n1,n2,n3', patienceMs)
  await agent(2).killMachine()
  await until(
    async () => (await find(agent(3), 'moving')).endpoints.every(({ node }) => node !== 'n2'),
    'n2 is not named',
    patienceMs,
  )
  const healthy = async () => {
    const { endpoints } = await find(agent(3), 'moving')
    return endpoints.length === 3 && endpoints.every((each) => each.healthy)
  }
  await until(healthy, 'three again, elsewhere', patienceMs)
})

services('the last agent alone still answers, with what it runs itself', async () => {
  await agent(1).killMachine()
  const mine = async () => {
    const { items } = await agent(3).get<{ items: AllocationShape[] }>(
      '/v1/jobs/moving/allocations',
    )
    return items.filter(({ node, state }) => node === 'n3' && state === 'running').length
  }
  await until(async () => (await mine()) === 3, 'all run here', patienceMs)
  await until(
    async () => nodesOf(await find(agent(3), 'moving')) === 'n3,n3,n3',
    'it names its own',
    patienceMs,
  )
})

services.run()
