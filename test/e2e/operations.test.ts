/**
 * What an operator does to jobs and machines in use, on three real agents in one cluster: roll-outs, drains,
 * guarded edits, agents that are stopped for good or for a moment, and starts that cannot be.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalCluster, until } from '../../scripts/cluster.ts'
import { said, says, starling } from './command-line.ts'
import {
  type AllocationShape,
  isProcess,
  isRunning,
  type JobShape,
  nodes,
  pidsOf,
  runningOf,
  sleeper,
} from './shapes.ts'

const operations = suite('e2e/operations')
let cluster: LocalCluster
/** A condition that has not come by then never comes, however busy the machine is. */
const patienceMs = 60_000
const agent = (i: number) => cluster.agents[i - 1]!

operations.before(async () => {
  cluster = await LocalCluster.start({ agents: 3, cpu: 2000, memory: 2048 })
})

operations.after(() => cluster?.stop())

const small = { cpu: 20, memory: 8 }

function post(job: object) {
  return agent(1).request('POST', '/v1/jobs', job)
}

async function put(id: string, job: object): Promise<number> {
  return (await agent(2).request('PUT', `/v1/jobs/${id}`, job)).status
}

async function placesOf(job: string): Promise<string[]> {
  return (await runningOf(agent(1), job)).map(({ node }) => node).sort()
}

async function healthyOf(job: string): Promise<number> {
  return (await agent(1).get<JobShape>(`/v1/jobs/${job}`)).healthy
}

/** The slots that each agent says it serves itself: another's word of the old may overtake the news of the new. */
async function servedSlots(job: string): Promise<number[]> {
  const served: number[] = []
  for (const each of cluster.agents)
    for (const { node, healthy, slot } of await runningOf(each, job))
      if (node === each.name && healthy) served.push(slot)
  return served
}

/** Far less than a check takes to call a new instance healthy. */
const watchEveryMs = 10

/**
 * The least that was healthy while the act took place. The agents are asked one after the other, so a slot that
 * changes places meanwhile is only missed if it is in the next round too.
 */
async function leastHealthy(job: string, act: () => Promise<unknown>): Promise<number> {
  let isOver = false
  let least = Number.POSITIVE_INFINITY
  const watch = async () => {
    for (let before = await servedSlots(job); !isOver; ) {
      await pause(watchEveryMs)
      const now = await servedSlots(job)
      least = Math.min(least, new Set([...before, ...now]).size)
      before = now
    }
  }
  const watching = watch()
  watching.catch(() => {}) // told below, once the act is over
  await act().finally(() => {
    isOver = true
  })
  await watching
  return least
}

/** Serves its port; `version` makes another job of it. */
function server(version: string, change = {}) {
  const script = 'exec python3 -m http.server "$PORT_HTTP" --bind 127.0.0.1'
  const task = {
    name: 'server',
    process: { command: ['sh', '-c', script] },
    env: { VERSION: version },
    resources: { cpu: 20, memory: 48 },
    ports: [{ name: 'http' }],
    checks: [{ type: 'http', path: '/', port: 'http', interval: '200ms' }],
    stopGrace: '1s',
  }
  return { id: 'rolling', count: 3, tasks: [task], ...change }
}

operations('PUT rolls a new version out without going below the count', async () => {
  await post(server('1'))
  await until(async () => (await healthyOf('rolling')) === 3, 'all are healthy', patienceMs)
  const before = await runningOf(agent(1), 'rolling')
  const least = await leastHealthy('rolling', async () => {
    assert.is(await put('rolling', server('2')), 200)
    const { version } = await agent(2).get<JobShape>('/v1/jobs/rolling')
    await until(
      async () => {
        const now = await runningOf(agent(1), 'rolling')
        return now.length === 3 && now.every((each) => each.version === version && each.healthy)
      },
      'all are of the new version',
      patienceMs,
    )
  })
  assert.is(least, 3)
  const after = await runningOf(agent(1), 'rolling')
  assert.not(after.some(({ id }) => before.some((each) => each.id === id)))
})

operations('a version that does not become healthy stops at its first slot', async () => {
  const bad = server('3', { update: { healthyDeadline: '1s' } })
  bad.tasks[0]!.checks[0]!.path = '/not-there'
  const least = await leastHealthy('rolling', async () => {
    assert.is(await put('rolling', bad), 200)
    await until(
      async () => /the roll-out waits: slot/.test(await said(agent(3), 'why rolling')),
      'the roll-out waits',
      patienceMs,
    )
  })
  assert.is(least, 3)
  const { version } = await agent(1).get<JobShape>('/v1/jobs/rolling')
  const seen = await agent(1).get<{ items: AllocationShape[] }>('/v1/jobs/rolling/allocations')
  const tried = seen.items.filter((each) => each.version === version)
  assert.is(new Set(tried.map(({ slot }) => slot)).size, 1)
  await says(agent(2), 'ps rolling --all', /failed .*not healthy/)
})

operations('drain moves the work, never below the count, and a system job leaves too', async () => {
  // A roll-out that waits keeps its old allocations, on nodes that are drained too.
  await agent(1).request('DELETE', '/v1/jobs/rolling')
  await post(server('1', { id: 'moved' }))
  await post({ ...sleeper('each', 1, small), type: 'system' })
  await until(async () => (await healthyOf('moved')) === 3, 'all are healthy', patienceMs)
  const everywhere = async () => (await placesOf('each')).join()
  await until(async () => (await everywhere()) === 'n1,n2,n3', 'one on each', patienceMs)
  const least = await leastHealthy('moved', async () => {
    const { code, err } = await starling(agent(1), 'drain n2 --wait --timeout 60s')
    assert.is(code, 0, err)
  })
  assert.is(least, 3)
  assert.not((await placesOf('moved')).includes('n2'))
  assert.is(await everywhere(), 'n1,n3')
  await says(agent(3), 'nodes', /^n2 +alive, draining/m)
  await says(agent(3), 'jobs', /^each +system +running +2 +2 +2 +0/m)
  assert.is(await said(agent(3), 'drain n2 --off'), 'n2 is in use again\n')
  await until(async () => (await everywhere()) === 'n1,n2,n3', 'back on each', patienceMs)
})

operations('If-Match, ?w=, pages: over HTTP, on any agent', async () => {
  // A write is where it is asked for: on all three, with w=3.
  const onAll = (id: string) => agent(1).request('POST', '/v1/jobs?w=3', sleeper(id, 0))
  for (const { status } of await Promise.all(['p1', 'p2', 'p3'].map(onAll))) assert.is(status, 201)
  const seen = await agent(1).request('GET', '/v1/jobs/p1')
  const headers = { 'content-type': 'application/json', 'if-match': '"1-00000000"' }
  const body = JSON.stringify(sleeper('p1', 0, small))
  const stale = await fetch(`${agent(2).api}/v1/jobs/p1`, { method: 'PUT', headers, body })
  assert.is(stale.status, 409)
  const fresh = { ...headers, 'if-match': seen.headers.get('etag')! }
  const done = await fetch(`${agent(2).api}/v1/jobs/p1?w=3`, {
    method: 'PUT',
    headers: fresh,
    body,
  })
  assert.equal([done.status, ((await done.json()) as { copies: number }).copies], [200, 3])
  const ids: string[] = []
  let cursor = ''
  do {
    const page = await agent(3).get<{ items: JobShape[]; cursor?: string }>(
      `/v1/jobs?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    assert.ok(page.items.length <= 2)
    ids.push(...page.items.map(({ id }) => id).filter((id) => /^p[0-9]$/.test(id)))
    cursor = page.cursor ?? ''
  } while (cursor !== '')
  assert.equal(ids, ['p1', 'p2', 'p3'])
})

operations('SIGTERM: the others know at once, and go on with its work', async () => {
  const seen = new Set<string>()
  const hasLeft = async () => {
    const { state } = (await nodes(agent(1))).find(({ name }) => name === 'n3')!
    seen.add(state)
    return state === 'left'
  }
  await agent(3).terminate()
  await until(hasLeft, 'it has left', patienceMs)
  assert.not(seen.has('down'), 'it was never taken for dead')
  assert.equal(agent(3).taskPids(), [])
  await until(async () => (await healthyOf('moved')) === 3, 'all run elsewhere', patienceMs)
  assert.not((await placesOf('moved')).includes('n3'))
})

operations('--on-stop keep: tasks go on, wait for their agent, and are not run twice', async () => {
  agent(3).start(['--on-stop', 'keep'])
  await cluster.whole()
  await post(
    sleeper('kept', 1, small, {
      constraints: [{ attribute: 'node.name', operator: '=', value: 'n3' }],
    }),
  )
  await until(() => isRunning(agent(1), 'kept', 1), 'it runs on n3', patienceMs)
  const before = await runningOf(agent(1), 'kept')
  const [pid] = pidsOf(before)
  await agent(3).terminate()
  await until(
    async () => /^n3 +away until [0-9:]{8} /m.test(await said(agent(1), 'nodes')),
    'it is away',
    patienceMs,
  )
  assert.ok(isProcess(pid!))
  assert.equal(
    (await runningOf(agent(1), 'kept')).map(({ id }) => id),
    before.map(({ id }) => id),
  )
  agent(3).start()
  await cluster.whole()
  await until(
    async () => (await nodes(agent(1))).every((node) => !('awayUntil' in node)),
    'it is back',
    patienceMs,
  )
  assert.equal(pidsOf(await runningOf(agent(3), 'kept')), [pid])
})

operations('what keeps an agent from starting is one line, with an exit code', async () => {
  const key = `--key ${cluster.keyFile}`
  const elsewhere = `--data ${cluster.directory}/other ${key} --api 127.0.0.1:0`
  const port = agent(1).peer
  const cases: [words: string, code: number, line: RegExp][] = [
    [`--data ${agent(1).data} ${key}`, 1, new RegExp(`pid ${agent(1).pid}\\b`)],
    [`${elsewhere} --listen ${port}`, 1, /something listens on .* name another address/],
    [`--data ${cluster.directory}/x --key ${cluster.directory}`, 2, /key file .* cannot be read/],
    [`--data ${cluster.keyFile} ${key}`, 1, /data folder .* is a file$/],
    ['--cpu many', 2, /^error: --cpu: a whole number/],
  ]
  const ended = await Promise.all(cases.map(([words]) => starling(agent(1), `agent ${words}`)))
  for (const [i, { code, err }] of ended.entries()) {
    const [words, expected, line] = cases[i]!
    assert.is(code, expected, `${words}: ${err}`)
    assert.match(err.trimEnd(), line)
    assert.is(err.trimEnd().split('\n').length, 1, err)
  }
})

operations.run()
