/**
 * Whole agents and a real Docker engine that they share: what runs, what is seen of it, and what becomes of it
 * when an agent, a machine or the engine dies. In order, on one cluster.
 */
import { setTimeout } from 'node:timers/promises'
import type { ContainerInspectInfo } from 'dockerode'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from '../../node/runtime/docker-engine.ts'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import { allocationsOf, type Task } from './allocations.ts'
import { insideEngine } from './engine-bed.ts'
import {
  type AllocationShape,
  agree,
  type ClusterShape,
  isRunning,
  type JobShape,
  type NodeShape,
  runningOf,
} from './shapes.ts'

interface Node extends NodeShape {
  readonly runtimes: readonly string[]
  readonly troubles: readonly string[]
}

interface Why {
  readonly slots: readonly {
    readonly state: string
    readonly candidates: readonly { readonly node: string; readonly refusal?: string }[]
  }[]
}

const e2e = suite('e2e/docker')
const bed = await insideEngine(import.meta.filename)
let cluster: LocalCluster
/** Of a machine that is busy with other things; nothing here is about how fast it is. */
const boundMs = 60_000

/** A job of one container that runs a line of shell. */
function job(id: string, script: string, task: object = {}, more: object = {}) {
  const docker = { image: engine().image, args: ['sh', '-c', script] }
  return { id, tasks: [{ name: 'main', docker, stopGrace: '1s', ...task }], ...more }
}

function engine() {
  if (!bed || 'skipped' in bed) throw new Error('there is no engine')
  return bed
}

const sleep = 'trap "exit 0" TERM; while :; do sleep 0.1; done'
const agent = (i: number) => cluster.agents[i]!

async function submit(to: LocalAgent, body: object): Promise<void> {
  const answer = await to.request('POST', '/v1/jobs', body)
  assert.is(answer.status, 201, await answer.text())
}

async function remove(...ids: string[]): Promise<void> {
  for (const id of ids) await agent(0).request('DELETE', `/v1/jobs/${id}`)
  await until(
    async () => (await Promise.all(ids.map((id) => containers(id)))).flat().every(hasEnded),
    `${ids} are gone`,
    boundMs,
  )
}

const hasEnded = ({ State }: ContainerInspectInfo) => !State.Running

/**
 * All of a job in the engine, whoever's, running or not. The engine lists one a moment before it can be
 * looked at, while it is being made, and a moment after it is gone: neither is there.
 */
async function containers(id: string): Promise<ContainerInspectInfo[]> {
  const { docker } = engine()
  const filters = { label: [`starling.job=${id}`] }
  const listed = await docker.listContainers({ all: true, filters })
  const found = await Promise.all(listed.map(({ Id }) => inspect(docker, Id)))
  return found.filter((each) => each !== undefined)
}

async function runningContainers(id: string): Promise<ContainerInspectInfo[]> {
  return (await containers(id)).filter((each) => !hasEnded(each))
}

async function selfOf(of: LocalAgent): Promise<string> {
  return (await of.get<ClusterShape>('/v1/cluster')).self
}

async function node(from: LocalAgent, id: string): Promise<Node> {
  return from.get<Node>(`/v1/nodes/${id}`)
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5000) })).text()
}

async function logsOf(from: LocalAgent, { id }: { id: string }): Promise<string> {
  return (await from.request('GET', `/v1/allocations/${id}/logs`)).text()
}

/** Another agent than the one that runs it. */
function otherThan({ node: name }: { node: string }): LocalAgent {
  return cluster.running.find((each) => each.name !== name)!
}

e2e.before(async () => {
  cluster = await LocalCluster.start({ agents: 3, cpu: 2000, memory: 1024, runtime: 'docker' })
  process.once('exit', () => {
    for (const { child } of cluster.agents) child?.kill('SIGKILL')
  })
  await until(() => agree(cluster.agents), 'each knows what the others have', boundMs)
  const { items } = await agent(0).get<{ items: Node[] }>('/v1/nodes')
  assert.equal(
    items.map(({ runtimes, troubles }) => [runtimes, troubles]),
    Array(3).fill([['docker'], []]),
  )
})

e2e.after(async () => {
  await cluster?.stop()
})

e2e('containers run, one a node, with their limits, labels and environment', async () => {
  const script = `echo "$COLOUR $STARLING_JOB $STARLING_SLOT $STARLING_NODE $1"; ${sleep}`
  const docker = { image: engine().image, args: ['sh', '-c', script, 'x', '$COLOUR'] }
  const resources = { cpu: 500, memory: 32 }
  const tasks = [{ name: 'main', docker, resources, env: { COLOUR: 'blue' }, stopGrace: '1s' }]
  const constraints = [{ attribute: 'node.name', operator: 'unique' }]
  await submit(agent(0), { id: 'spread', count: 3, tasks, constraints })
  for (const each of cluster.agents)
    await until(() => isRunning(each, 'spread', 3), `three run, says ${each.name}`, boundMs)
  const isAll = async () => (await runningContainers('spread')).length === 3
  await until(isAll, 'three in the engine', boundMs)
  const found = new Map((await runningContainers('spread')).map((each) => [each.Id, each]))
  for (const allocation of await runningOf(agent(1), 'spread')) {
    const { Config, HostConfig } = found.get(allocation.tasks[0]!.containerId!)!
    assert.is(Config.Labels['starling.node'], allocation.nodeId)
    assert.is(Config.Labels['starling.allocation'], allocation.id)
    assert.equal([HostConfig.Memory, HostConfig.CpuShares], [32 * 2 ** 20, 512])
    const { slot, node } = allocation
    const said = `blue spread ${slot} ${node} blue\n`
    const other = otherThan(allocation)
    await until(async () => (await logsOf(other, allocation)) === said, `logs by ${other}`, boundMs)
  }
  await remove('spread')
})

e2e('ports are published, and checks of every type turn their containers healthy', async () => {
  const script = 'until [ -e /go ]; do sleep 0.05; done; exec httpd -f -p 80 -h /www'
  const ports = [{ name: 'http', container: 80 }]
  const checks = {
    'by-http': { type: 'http', port: 'http', path: '/index.html', interval: '200ms' },
    // The engine's proxy takes connections before anybody listens inside.
    'by-tcp': { type: 'tcp', port: 'http', interval: '200ms' },
    'by-command': { type: 'command', command: ['test', '-e', '/go'], interval: '200ms' },
  }
  const ids = Object.keys(checks)
  for (const [id, check] of Object.entries(checks))
    await submit(agent(1), job(id, script, { ports, checks: [check] }))
  for (const id of ids) await until(() => isRunning(agent(0), id, 1), `${id} runs`, boundMs)
  await setTimeout(1000)
  for (const id of ids) assert.is((await runningOf(agent(0), id))[0]!.healthy, false, id)
  for (const id of ids)
    for (const { Id } of await containers(id)) {
      const exec = await engine()
        .docker.getContainer(Id)
        .exec({ Cmd: ['touch', '/go'] })
      await exec.start({ Detach: true })
    }
  for (const id of ids) {
    const isHealthy = async () => (await agent(2).get<JobShape>(`/v1/jobs/${id}`)).healthy === 1
    await until(isHealthy, `${id} is healthy`, boundMs)
    const [{ ports: mapped }] = (await runningOf(agent(0), id)) as [AllocationShape]
    const text = await textOf(`http://127.0.0.1:${mapped.http}/index.html`)
    assert.is(text, 'hello from a container\n')
  }
  await remove(...ids)
})

e2e('logs are followed to the end from an agent that runs none of it', async () => {
  const script = 'for i in 1 2 3 4 5; do echo "line $i"; sleep 0.2; done'
  await submit(agent(0), job('speaker', script, {}, { type: 'batch' }))
  await until(async () => (await allocationsOf(agent(0), 'speaker')).length > 0, 'it is', boundMs)
  const [allocation] = await allocationsOf(agent(0), 'speaker')
  const other = otherThan(allocation!)
  await until(async () => (await logsOf(other, allocation!)).includes('line 1'), 'a line', boundMs)
  const path = `/v1/allocations/${allocation!.id}/logs?follow=true&tail=1`
  const text = await (await other.request('GET', path)).text()
  assert.match(text, /line 5\n$/)
  const lines = (await logsOf(other, allocation!)).trim().split('\n')
  assert.equal(lines, ['line 1', 'line 2', 'line 3', 'line 4', 'line 5'])
  const isComplete = async () =>
    (await agent(1).get<JobShape>('/v1/jobs/speaker')).state === 'complete'
  await until(isComplete, 'the batch is complete', boundMs)
  await remove('speaker')
})

e2e('scaled up and down', async () => {
  await submit(agent(0), job('elastic', sleep))
  await until(() => isRunning(agent(1), 'elastic', 1), 'one runs', boundMs)
  for (const count of [4, 1]) {
    await agent(2).request('POST', '/v1/jobs/elastic/scale', { count })
    await until(() => isRunning(agent(0), 'elastic', count), `${count} run`, boundMs)
    await until(
      async () => (await runningContainers('elastic')).length === count,
      `${count} in the engine`,
      boundMs,
    )
  }
  await remove('elastic')
})

e2e('what fails is started again after a pause, then fails with its exit code to see', async () => {
  const restart = { attempts: 2, delay: '200ms', delayMax: '60s', window: '10m' }
  await submit(agent(0), job('broken', 'exit 3', {}, { restart }))
  const failed = async () =>
    (await allocationsOf(agent(2), 'broken')).find(({ state }) => state === 'failed')
  await until(async () => (await failed()) !== undefined, 'it fails', boundMs)
  const { tasks, reason } = (await failed())!
  const [{ exitCode, restarts, reason: last }] = tasks as [Task]
  assert.equal([exitCode, restarts, last, reason], [3, 2, 'exited with 3', 'main: exited with 3'])
  const outOfMemory = { resources: { memory: 16 } }
  const once = { restart: { attempts: 0, delay: '60s' } }
  await submit(agent(1), job('hungry', 'tail /dev/zero', outOfMemory, once))
  const hungry = async () => (await allocationsOf(agent(0), 'hungry'))[0]
  await until(async () => (await hungry())?.state === 'failed', 'it fails', boundMs)
  const { exitCode: killed, reason: why } = (await hungry())!.tasks[0]!
  assert.equal([killed, why], [137, 'killed: out of memory (16 MiB)'])
  await remove('broken', 'hungry')
})

e2e('an image that cannot be had is told', async () => {
  const docker = { image: 'registry.invalid/no/such:1' }
  const once = { restart: { attempts: 0, delay: '60s' } }
  await submit(agent(0), job('absent', '', { docker }, once))
  const absent = async () => (await allocationsOf(agent(1), 'absent'))[0]
  await until(async () => (await absent())?.state === 'failed', 'it fails', boundMs)
  const told = /image registry\.invalid\/no\/such:1 is not on this machine and could not be pulled/
  assert.match((await absent())!.reason!, told)
  const why = async () => JSON.stringify(await agent(2).get('/v1/jobs/absent/why'))
  await until(async () => told.test(await why()), 'another agent says why', boundMs)
  await remove('absent')
})

e2e('a batch is done once, and tries again as it is told to', async () => {
  const restart = { attempts: 1, delay: '200ms' }
  const batch = { type: 'batch', count: 3, restart }
  await submit(agent(0), job('done', 'echo done', {}, batch))
  // The files of a container stay from one start to the next.
  await submit(agent(1), job('second', '[ -e /tried ] || { touch /tried; exit 9; }', {}, batch))
  for (const id of ['done', 'second'])
    await until(
      async () => (await agent(2).get<JobShape>(`/v1/jobs/${id}`)).state === 'complete',
      `${id} is complete`,
      boundMs,
    )
  const of = async (id: string) =>
    (await allocationsOf(agent(2), id)).map(({ state, tasks }) => [state, tasks[0]!.restarts])
  assert.equal(await of('done'), Array(3).fill(['complete', 0]))
  assert.equal(await of('second'), Array(3).fill(['complete', 1]))
  assert.is((await containers('done')).length, 3)
  await remove('done', 'second')
})

e2e('the agent alone dies: its containers go on, and are adopted', async () => {
  await submit(agent(0), job('kept', sleep, {}, { count: 3 }))
  await submit(agent(0), job('patient', sleep, {}, { count: 3, lostAfter: '1m' }))
  const ids = ['kept', 'patient']
  for (const id of ids) await until(() => isRunning(agent(0), id, 3), `three of ${id}`, boundMs)
  const idsOf = async (id: string) => (await runningContainers(id)).map(({ Id }) => Id).sort()
  const [kept, patient] = await Promise.all(ids.map(idsOf))
  const [held] = await runningOf(agent(0), 'patient')
  const victim = cluster.agents.find(({ name }) => name === held!.node)!
  await victim.kill()
  victim.start()
  await cluster.whole()
  // Replaced while its agent was away, it stays all the same, and the replacement goes.
  await until(async () => (await idsOf('kept')).join() === kept!.join(), 'the same three', boundMs)
  for (const each of cluster.agents)
    for (const id of ids) await until(() => isRunning(each, id, 3), `three of ${id}`, boundMs)
  assert.equal((await containers('patient')).map(({ Id }) => Id).sort(), patient)
  const known = (await runningOf(victim, 'patient')).map(({ tasks }) => tasks[0]!.containerId)
  assert.equal(known.sort(), patient)
  await remove(...ids)
})

e2e('a machine dies, and its containers run elsewhere', async () => {
  await submit(agent(0), job('moved', sleep, {}, { count: 6 }))
  await until(() => isRunning(agent(0), 'moved', 6), 'six run', boundMs)
  const dead = await selfOf(agent(2))
  const isOnDead = ({ Config }: ContainerInspectInfo) => Config.Labels['starling.node'] === dead
  const lost = (await containers('moved')).filter(isOnDead)
  assert.ok(lost.length > 0)
  await agent(2).kill()
  const { docker } = engine()
  await Promise.all(lost.map(({ Id }) => docker.getContainer(Id).remove({ force: true })))
  const isBack = async () => (await runningContainers('moved')).length === 6
  await until(isBack, 'six containers again', boundMs)
  await until(() => isRunning(agent(1), 'moved', 6), 'six run', boundMs)
  assert.not((await runningContainers('moved')).some(isOnDead))
  agent(2).start()
  await cluster.whole()
  await remove('moved')
})

e2e(
  'the engine dies and returns: it is told, what runs goes on, and work is taken again',
  async () => {
    await submit(agent(0), job('steady', sleep, {}, { count: 3 }))
    await until(() => isRunning(agent(0), 'steady', 3), 'three run', boundMs)
    const before = await runningOf(agent(0), 'steady')
    const self = await selfOf(agent(1))
    engine().kill()
    const told = /the Docker engine does not answer/
    await until(
      async () => (await node(agent(0), self)).runtimes.length === 0,
      'it is told',
      boundMs,
    )
    assert.match((await node(agent(0), self)).troubles.join(), told)
    const ready = await agent(1).get<{ status: string; troubles: string[] }>('/readyz')
    assert.is(ready.status, 'degraded')
    assert.match(ready.troubles.join(), told)
    await submit(agent(0), job('late', sleep))
    const why = async () => (await agent(1).get<Why>('/v1/jobs/late/why')).slots[0]!
    await until(
      async () =>
        (await why()).candidates.every(({ refusal }) => refusal === 'runtime: has no docker'),
      'why says what is missing',
      boundMs,
    )
    // An agent that starts without its engine waits for what it left there.
    await agent(2).kill()
    agent(2).start()
    await cluster.whole()
    engine().up()
    await until(
      async () => (await node(agent(0), self)).runtimes.length === 1,
      'it is back',
      boundMs,
    )
    await until(() => isRunning(agent(0), 'late', 1), 'the late one runs', boundMs)
    assert.equal(await agent(1).get('/readyz'), { status: 'ok' })
    await until(() => isRunning(agent(2), 'steady', 3), 'three run', boundMs)
    const idsOf = (all: readonly AllocationShape[]) =>
      all.map(({ id, tasks }) => `${id} ${tasks[0]!.containerId}`).sort()
    assert.equal(idsOf(await runningOf(agent(0), 'steady')), idsOf(before))
    assert.is((await runningContainers('steady')).length, 3)
    await remove('steady', 'late')
  },
)

e2e('without an engine an agent is a member that says what it lacks', async () => {
  const nowhere = 'unix:///nowhere/docker.sock'
  const bare = await cluster.add(['--runtime', 'docker'], { DOCKER_HOST: nowhere })
  const auto = await cluster.add(['--runtime', 'auto'], { DOCKER_HOST: nowhere })
  await cluster.whole()
  const said = async (of: LocalAgent) => node(agent(0), await selfOf(of))
  await until(async () => (await said(auto)).runtimes.join() === 'process', 'auto runs', boundMs)
  const { runtimes, troubles } = await said(bare)
  assert.equal([runtimes, (await said(auto)).troubles], [[], []])
  assert.match(troubles.join(), /the Docker engine does not answer: .*nowhere/)
  await submit(bare, job('containers', sleep, {}, { count: 4 }))
  const tasks = [{ name: 'main', process: { command: ['sleep', '3600'] }, stopGrace: '1s' }]
  await submit(bare, { id: 'processes', count: 4, tasks })
  await until(() => isRunning(bare, 'containers', 4), 'containers run', boundMs)
  await until(() => isRunning(bare, 'processes', 4), 'processes run', boundMs)
  for (const { node: name } of await runningOf(bare, 'containers'))
    assert.ok(cluster.agents.slice(0, 3).some((each) => each.name === name))
  for (const { node: name } of await runningOf(bare, 'processes')) assert.is(name, auto.name)
  for (const leaver of [bare, auto]) await leaver.terminate()
  await remove('containers', 'processes')
})

e2e('a group of a container and a process is one, also on a node that joins later', async () => {
  const beside = { command: ['sh', '-c', 'echo process $PORT_HTTP; exec sleep 3600'] }
  const docker = {
    image: engine().image,
    args: ['sh', '-c', `echo container $PORT_HTTP; ${sleep}`],
  }
  const tasks = [
    { name: 'web', docker, ports: [{ name: 'http', container: 80 }], stopGrace: '1s' },
    { name: 'sidecar', process: beside, stopGrace: '1s' },
  ]
  await submit(agent(0), { id: 'group', type: 'system', tasks })
  const mixed = await cluster.add(['--runtime', 'auto'])
  await cluster.whole()
  await until(async () => (await runningOf(agent(0), 'group')).length === 1, 'it runs', boundMs)
  const [allocation] = await runningOf(agent(0), 'group')
  assert.is(allocation!.node, mixed.name)
  const { http } = allocation!.ports
  for (const [task, text] of [
    ['web', `container ${http}\n`],
    ['sidecar', `process ${http}\n`],
  ]) {
    const path = `/v1/allocations/${allocation!.id}/logs?task=${task}`
    await until(
      async () => (await (await agent(1).request('GET', path)).text()) === text,
      `the output of ${task}`,
      boundMs,
    )
  }
  await remove('group')
  await mixed.terminate()
})

e2e('agents that leave take all of theirs along, and nothing of others', async () => {
  const { docker, image } = engine()
  const labels = { 'starling.node': 'of-another-cluster', 'starling.cluster': 'another' }
  const foreign = await docker.createContainer({
    Image: image,
    Cmd: ['sleep', '1000'],
    Labels: labels,
  })
  await foreign.start()
  await submit(agent(0), job('last', sleep, {}, { count: 3 }))
  await until(() => isRunning(agent(1), 'last', 3), 'three run', boundMs)
  await Promise.all(cluster.running.map((each) => each.terminate()))
  const left = await docker.listContainers({ all: true })
  assert.equal(
    left.map(({ Id, State }) => [Id, State]),
    [[foreign.id, 'running']],
  )
})

if (bed && 'skipped' in bed) {
  process.stdout.write(`skipped: ${bed.skipped}\n`)
  const skipped = suite('e2e/docker')
  skipped.skip('needs a Docker engine', () => {})
  skipped.run()
} else if (bed) e2e.run()
