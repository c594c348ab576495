/** What a user of another orchestrator expects of tasks that are processes, on two whole agents. In order. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import { type Allocation, allocationsOf } from './allocations.ts'
import { agree, isRunning, type JobShape, runningOf } from './shapes.ts'

const e2e = suite('e2e/processes')
let cluster: LocalCluster
/** Of a machine that is busy with other things; nothing here is about how fast it is. */
const boundMs = 60_000
const agent = (i: number) => cluster.agents[i]!

e2e.before(async () => {
  cluster = await LocalCluster.start({ agents: 2, cpu: 2000, memory: 2048 })
  await until(() => agree(cluster.agents), 'each knows what the other has', boundMs)
})

e2e.after(async () => {
  await cluster?.stop()
})

function task(script: string, more: object = {}) {
  return { name: 'main', process: { command: ['sh', '-c', script] }, stopGrace: '1s', ...more }
}

async function submit(to: LocalAgent, body: object): Promise<void> {
  const answer = await to.request('POST', '/v1/jobs', body)
  assert.is(answer.status, 201, await answer.text())
}

async function logsOf(from: LocalAgent, { id }: Allocation, task = 'main'): Promise<string> {
  return (await from.request('GET', `/v1/allocations/${id}/logs?task=${task}`)).text()
}

async function jobState(id: string): Promise<string> {
  return (await agent(1).get<JobShape>(`/v1/jobs/${id}`)).state
}

async function failedOf(id: string): Promise<Allocation | undefined> {
  return (await allocationsOf(agent(1), id)).find(({ state }) => state === 'failed')
}

e2e('checks of every type turn it healthy, and one that fails starts it again', async () => {
  const script = 'touch ready; exec python3 -m http.server "$PORT_HTTP" --bind 127.0.0.1'
  const every = { interval: '200ms', failures: 2 }
  const checks = [
    { type: 'http', port: 'http', ...every },
    { type: 'tcp', port: 'http', ...every },
    { type: 'command', command: ['test', '-e', 'ready'], ...every },
  ]
  const restart = { delay: '200ms' }
  await submit(agent(0), {
    id: 'checked',
    tasks: [task(script, { ports: [{ name: 'http' }], checks })],
    restart,
  })
  const healthy = async () =>
    (await allocationsOf(agent(1), 'checked')).find((each) => each.healthy)
  await until(async () => (await healthy()) !== undefined, 'it is healthy', boundMs)
  const { id, node, ports } = (await healthy())!
  const { status } = await fetch(`http://127.0.0.1:${ports.http}/ready`)
  assert.is(status, 200)
  const { data } = cluster.agents.find(({ name }) => name === node)!
  rmSync(`${data}/allocations/${id}/main/work/ready`)
  await until(
    async () => (await healthy())?.tasks[0]?.restarts === 1,
    'it was started again, and is healthy',
    boundMs,
  )
  await agent(0).request('DELETE', '/v1/jobs/checked')
})

e2e('a task is told of itself, runs in a folder of its own, and gets its time to end', async () => {
  const told =
    'echo "$STARLING_JOB $STARLING_SLOT $STARLING_TASK $STARLING_NODE $PORT_HTTP_ADMIN $PWD"'
  const rude = `${told}; trap "" TERM; while :; do sleep 0.1; done`
  const ports = [{ name: 'http-admin' }]
  await submit(agent(0), { id: 'told', tasks: [task(rude, { ports })] })
  await until(() => isRunning(agent(0), 'told', 1), 'it runs', boundMs)
  const [allocation] = (await allocationsOf(agent(0), 'told')) as [Allocation]
  const { id, node, ports: given } = allocation
  const { data } = cluster.agents.find(({ name }) => name === node)!
  const folder = `${data}/allocations/${id}/main/work`
  const said = `told 0 main ${node} ${given['http-admin']} ${folder}\n`
  await until(async () => (await logsOf(agent(1), allocation)) === said, 'what it says', boundMs)
  const { pid } = allocation.tasks[0]!
  const deletedAt = performance.now()
  await agent(1).request('DELETE', '/v1/jobs/told')
  await until(() => !existsSync(`/proc/${pid}`), 'it is killed', boundMs)
  assert.ok(performance.now() - deletedAt > 900, 'not before its grace is over')
})

e2e('how a task ended is seen: its code, its signal, its want of memory', async () => {
  const restart = { attempts: 0, delay: '60s' }
  const hasLimits = readFileSync('/proc/self/mounts', 'latin1').includes(' cgroup')
  const rows: [id: string, script: string, exitCode: number, reason: string][] = [
    ['code', 'exit 7', 7, 'exited with 7'],
    ['signal', 'kill -SEGV $$', 139, 'killed by signal 11'],
    ['memory', 'tail /dev/zero', 137, 'killed: out of memory (16 MiB)'],
  ]
  for (const [id, script, exitCode, reason] of rows) {
    if (id === 'memory' && !hasLimits) continue
    await submit(agent(0), { id, restart, tasks: [task(script, { resources: { memory: 16 } })] })
    await until(async () => (await failedOf(id)) !== undefined, `${id} fails`, boundMs)
    const [ended] = (await failedOf(id))!.tasks
    assert.equal([ended!.exitCode, ended!.reason], [exitCode, reason])
    await agent(0).request('DELETE', `/v1/jobs/${id}`)
  }
})

e2e(
  'a batch is done once with 0, tries again as often as it may, and then has failed',
  async () => {
    const restart = { attempts: 2, delay: '100ms', delayMax: '60s' }
    await submit(agent(0), { id: 'done', type: 'batch', count: 3, restart, tasks: [task('true')] })
    const third = 'echo try >>tries; [ "$(wc -l <tries)" = 3 ]'
    await submit(agent(1), { id: 'third', type: 'batch', restart, tasks: [task(third)] })
    await submit(agent(1), { id: 'never', type: 'batch', restart, tasks: [task('exit 5')] })
    for (const id of ['done', 'third'])
      await until(async () => (await jobState(id)) === 'complete', `${id} is complete`, boundMs)
    const of = async (id: string) =>
      (await allocationsOf(agent(1), id)).map(({ state, tasks }) => [state, tasks[0]!.restarts])
    assert.equal(await of('done'), Array(3).fill(['complete', 0]))
    assert.equal(await of('third'), [['complete', 2]])
    await until(async () => (await failedOf('never')) !== undefined, 'it has failed', boundMs)
    assert.is((await failedOf('never'))!.reason, 'main: exited with 5')
    assert.is.not(await jobState('never'), 'complete')
    for (const id of ['done', 'third', 'never']) await agent(0).request('DELETE', `/v1/jobs/${id}`)
  },
)

e2e(
  'a group runs together, on every node where its job is a system job, also later ones',
  async () => {
    const sidecar = { ...task('echo "beside $PORT_HTTP"; exec sleep 3600'), name: 'sidecar' }
    const main = task('echo "main $PORT_HTTP"; exec sleep 3600', { ports: [{ name: 'http' }] })
    await submit(agent(0), { id: 'everywhere', type: 'system', tasks: [main, sidecar] })
    const nodesOf = async () =>
      (await runningOf(agent(0), 'everywhere')).map(({ node }) => node).sort()
    await until(async () => (await nodesOf()).join() === 'n1,n2', 'one on each', boundMs)
    await cluster.add()
    await until(
      async () => (await nodesOf()).join() === 'n1,n2,n3',
      'one on the new one too',
      boundMs,
    )
    for (const allocation of await allocationsOf(agent(0), 'everywhere')) {
      const { http } = allocation.ports
      await until(
        async () => (await logsOf(agent(1), allocation, 'sidecar')) === `beside ${http}\n`,
        'both know the port',
        boundMs,
      )
      assert.is(await logsOf(agent(1), allocation), `main ${http}\n`)
    }
    await agent(2).request('DELETE', '/v1/jobs/everywhere')
    const isOfIt = (id: string) => id.startsWith('everywhere.')
    await until(async () => (await nodesOf()).length === 0, 'all have ended', boundMs)
    for (const each of cluster.agents)
      await until(() => !each.taskAllocations().some(isOfIt), 'no process is left', boundMs)
  },
)

e2e.run()
