/** Five real agents on loopback: submissions, deaths, restarts, capacity. In order, on one cluster. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalCluster, until } from '../../scripts/cluster.ts'
import {
  agree,
  type ClusterShape,
  digest,
  isProcess,
  isRunning,
  type JobShape,
  nodes,
  pidsOf,
  runningOf,
  sleeper,
} from './shapes.ts'

const e2e = suite('e2e/cluster')
let cluster: LocalCluster

e2e.before(async () => {
  cluster = await LocalCluster.start({ agents: 5, cpu: 2000, memory: 2048 })
  // A steward spreads over the nodes whose records it has.
  await until(() => agree(cluster.agents), 'each knows what the others have', 30_000)
})

e2e.after(async () => {
  await cluster.stop()
})

const agent = (i: number) => cluster.agents[i]!

e2e('a job of ten runs, spread, and every agent shows the same', async () => {
  const answer = await agent(0).request('POST', '/v1/jobs', sleeper('ten', 10))
  assert.is(answer.status, 201)
  assert.is(((await answer.json()) as { copies: number }).copies, 2)
  for (const each of cluster.agents)
    await until(() => isRunning(each, 'ten', 10), `ten run, says ${each.name}`, 10_000)
  await until(() => agree(cluster.agents), 'all agree', 20_000)
  const seen = await Promise.all(cluster.agents.map((each) => runningOf(each, 'ten')))
  for (const other of seen) assert.equal(other, seen[0])
  const perNode = new Map<string, number>()
  for (const { node } of seen[0]!) perNode.set(node, (perNode.get(node) ?? 0) + 1)
  assert.equal([...perNode.values()], [2, 2, 2, 2, 2])
})

e2e('logs are read from an agent that runs none of it', async () => {
  const command = ['sh', '-c', 'echo hello from $STARLING_NODE; sleep 3600']
  const tasks = [{ name: 'main', process: { command }, stopGrace: '1s' }]
  await agent(1).request('POST', '/v1/jobs', { id: 'speaker', tasks })
  await until(() => isRunning(agent(1), 'speaker', 1), 'it runs', 10_000)
  const [allocation] = await runningOf(agent(1), 'speaker')
  const other = cluster.agents.find((each) => each.name !== allocation!.node)!
  const text = async () =>
    (await other.request('GET', `/v1/allocations/${allocation!.id}/logs`)).text()
  await until(async () => (await text()).includes('hello from'), 'its output comes', 5000)
  await other.request('DELETE', '/v1/jobs/speaker')
})

e2e('an acknowledged job outlives the agent that took it', async () => {
  const answer = await agent(4).request('POST', '/v1/jobs', sleeper('orphan', 3))
  assert.is(answer.status, 201)
  await agent(4).kill()
  await until(() => isRunning(agent(0), 'orphan', 3), 'it runs all the same', 15_000)
  agent(4).start()
  await cluster.whole()
  await until(() => isRunning(agent(4), 'orphan', 3), 'three, not more', 20_000)
  await agent(4).request('DELETE', '/v1/jobs/orphan')
})

e2e('a dead machine is down for all, and its slots run elsewhere', async () => {
  const { self } = await agent(2).get<ClusterShape>('/v1/cluster')
  const held = (await runningOf(agent(0), 'ten')).filter((each) => each.nodeId === self)
  assert.ok(held.length > 0)
  await agent(2).killMachine()
  for (const each of cluster.running)
    await until(
      async () => (await each.get<{ state: string }>(`/v1/nodes/${self}`)).state === 'down',
      `${each.name} sees it down`,
      15_000,
    )
  await until(() => isRunning(agent(0), 'ten', 10), 'ten run again', 15_000)
  for (const { nodeId } of await runningOf(agent(0), 'ten')) assert.is.not(nodeId, self)
  agent(2).start()
  await cluster.whole()
})

e2e('the agent alone dies: what it runs goes on, and is adopted', async () => {
  await until(() => isRunning(agent(0), 'ten', 10), 'ten run', 15_000)
  const victim = agent(1)
  const { self } = await victim.get<ClusterShape>('/v1/cluster')
  const mine = async () => (await runningOf(agent(0), 'ten')).filter((each) => each.nodeId === self)
  const before = pidsOf(await mine())
  assert.ok(before.length > 0)
  await victim.kill()
  assert.ok(before.every(isProcess))
  victim.start()
  await cluster.whole()
  await until(() => isRunning(victim, 'ten', 10), 'ten, no second copy', 20_000)
  assert.equal(pidsOf(await mine()), before)
  assert.is(victim.taskPids().length > 0, true)
})

e2e('what fits nowhere waits, says why, and starts when a node that fits joins', async () => {
  await agent(3).request('POST', '/v1/jobs', sleeper('giant', 1, { cpu: 3000 }))
  const why = async () => JSON.stringify(await agent(0).get('/v1/jobs/giant/why'))
  await until(async () => (await why()).includes('cpu'), 'a reason', 5000)
  const text = await why()
  for (const { id } of await nodes(agent(0))) assert.ok(text.includes(id), `${id} in ${text}`)
  assert.is((await agent(0).get<JobShape>('/v1/jobs/giant')).waiting, 1)
  await cluster.add(['--cpu', '4000'])
  await cluster.whole()
  await until(() => isRunning(agent(0), 'giant', 1), 'it runs on the new node', 15_000)
  await agent(0).request('DELETE', '/v1/jobs/giant')
})

e2e('bad input is refused with the path of the field, and changes nothing', async () => {
  await until(() => agree(cluster.running), 'all agree', 15_000)
  const before = await digest(agent(0))
  const good = sleeper('good', 1)
  const bad: [unknown, number, string][] = [
    [{ ...good, colour: 'red' }, 422, 'colour'],
    [{ ...good, count: -1 }, 422, 'count'],
    [
      { ...good, tasks: [{ ...good.tasks[0], resources: { cpu: 'x' } }] },
      422,
      'tasks[0].resources.cpu',
    ],
    [sleeper('ten', 4), 409, 'ten'],
  ]
  for (const [body, status, path] of bad) {
    const answer = await agent(0).request('POST', '/v1/jobs', body)
    assert.is(answer.status, status)
    assert.match(answer.headers.get('content-type') ?? '', 'application/problem+json')
    assert.ok((await answer.text()).includes(path), path)
  }
  const large = await agent(0).request('POST', '/v1/jobs', {
    ...good,
    labels: { a: 'x'.repeat(1e7) },
  })
  assert.is(large.status, 413)
  assert.is((await agent(0).request('GET', '/v1/jobs/nobody')).status, 404)
  assert.is((await agent(0).request('DELETE', '/v1/jobs/nobody')).status, 404)
  await until(() => agree(cluster.running), 'all agree', 15_000)
  assert.is(await digest(agent(0)), before)
})

e2e('two hundred jobs at once on different agents overcommit nobody', async () => {
  const submissions = Array.from({ length: 200 }, (_, i) =>
    agent(i % 5).request('POST', '/v1/jobs', sleeper(`many-${i}`, 1, { cpu: 90, memory: 20 })),
  )
  for (const answer of await Promise.all(submissions)) assert.is(answer.status, 201)
  const settled = async () => {
    // Each node's own word: another's may have heard of a start before it heard of the stop that made room.
    for (const each of cluster.running) {
      const own = (await nodes(each)).find(({ name }) => name === each.name)!
      const isWithin =
        own.committed.cpu <= own.capacity.cpu && own.committed.memory <= own.capacity.memory
      assert.ok(isWithin, JSON.stringify(own))
    }
    const { items } = await agent(0).get<{ items: JobShape[] }>('/v1/jobs?limit=1000')
    const many = items.filter(({ id }) => id.startsWith('many-'))
    const running = many.reduce((sum, job) => sum + job.running, 0)
    // 14,000 millicores on six nodes, of which ten sleepers hold 1,000: room for 140 to 144 of 200.
    return many.length === 200 && running >= 135
  }
  await until(settled, 'as many run as fit', 60_000)
  const deletions = Array.from({ length: 200 }, (_, i) =>
    agent((i + 1) % 5).request('DELETE', `/v1/jobs/many-${i}`),
  )
  for (const answer of await Promise.all(deletions)) assert.is(answer.status, 200)
  const idle = async () =>
    (await nodes(agent(0))).reduce((sum, { committed }) => sum + committed.cpu, 0)
  await until(async () => (await idle()) === 1000, 'only the ten are left', 60_000)
})

e2e('all killed and restarted: every job and count is back', async () => {
  await agent(0).request('POST', '/v1/jobs/ten/scale', { count: 7 })
  await until(() => isRunning(agent(3), 'ten', 7), 'seven run', 15_000)
  await Promise.all(cluster.running.map((each) => each.killMachine()))
  for (const each of cluster.agents) each.start()
  await cluster.whole()
  await until(() => isRunning(agent(0), 'ten', 7), 'seven run again', 30_000)
  await until(() => agree(cluster.running), 'all agree', 30_000)
})

e2e('a departure is known at once, and leaves nothing behind', async () => {
  const leaver = cluster.agents.at(-1)!
  const { self } = await leaver.get<ClusterShape>('/v1/cluster')
  const ended = leaver.terminate()
  const took = await until(
    async () => (await agent(0).get<{ state: string }>(`/v1/nodes/${self}`)).state === 'left',
    'it has left',
    10_000,
  )
  await ended
  assert.ok(took < 8000)
  assert.equal(leaver.taskPids(), [])
  await until(() => isRunning(agent(0), 'ten', 7), 'seven still run', 15_000)
})

e2e('a second start on the same data folder says who holds it', async () => {
  const { spawnSync } = await import('node:child_process')
  const first = agent(0)
  const again = spawnSync(first.child!.spawnfile, [...first.child!.spawnargs.slice(1)], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.is.not(again.status, 0)
  assert.ok(`${again.stderr}${again.stdout}`.includes(String(first.pid)), again.stderr)
})

e2e('the last one alive still serves, and runs what fits', async () => {
  for (const each of cluster.agents.slice(1, 5)) await each.killMachine()
  await until(() => isRunning(agent(0), 'ten', 7), 'seven run on one', 40_000)
  const answer = await agent(0).request('POST', '/v1/jobs', sleeper('late', 2))
  assert.is(answer.status, 201)
  await until(() => isRunning(agent(0), 'late', 2), 'it runs', 10_000)
  agent(1).start()
  await until(async () => (await agent(0).aliveCount()) === 2, 'the cluster grows again', 20_000)
})

e2e.run()
