/** What a user types, on three real agents in one cluster: what comes of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalCluster, root, until } from '../../scripts/cluster.ts'
import { said, says, starling } from './command-line.ts'
import { type AllocationShape, agree, isRunning, nodes, runningOf, sleeper } from './shapes.ts'

const commands = suite('e2e/commands')
let cluster: LocalCluster
/** A condition that has not come by then never comes, however busy the machine is. */
const patienceMs = 60_000
const agent = (i: number) => cluster.agents[i - 1]!

commands.before(async () => {
  cluster = new LocalCluster({ agents: 3, cpu: 2000, memory: 2048 })
  for (const zone of ['a1', 'a2', 'b1']) {
    await cluster.add(['--labels', `zone=${zone.slice(0, 1)},rack=${zone}`])
  }
  await cluster.whole()
})

commands.after(() => cluster.stop())

/** What one agent was told, or has seen, is known to all. */
const allKnow = () => until(() => agree(cluster.agents), 'all know the same', patienceMs)

const small = { cpu: 20, memory: 8 }

function post(job: object) {
  return agent(1).request('POST', '/v1/jobs', job)
}

async function placesOf(job: string): Promise<string[]> {
  return (await runningOf(agent(1), job)).map(({ node }) => node).sort()
}

commands('each node has its name, for all, as soon as it is there', async () => {
  for (const each of cluster.agents)
    await until(
      async () => (await nodes(each)).map(({ name }) => name).join() === 'n1,n2,n3',
      `${each.name} names all`,
      patienceMs,
    )
})

commands('a first walk: run, ps, logs, scale, why, history, services, events, stop', async () => {
  const yaml = readFileSync(join(root, 'scripts/examples/hello.yaml'), 'utf8')
  const run = await starling(agent(1), 'run - --wait --timeout 60s', yaml)
  assert.equal([run.code, run.out.split(':')[0]], [0, 'hello submitted'])
  assert.match(await said(agent(1), 'run -', yaml), /^hello in place/)
  await allKnow()
  const [table, logs, json, jobs, list] = await Promise.all([
    said(agent(2), 'ps hello'),
    said(agent(3), 'logs hello'),
    said(agent(3), 'ps hello --json'),
    said(agent(2), 'jobs'),
    said(agent(2), 'nodes'),
  ])
  assert.is(table.trim().split('\n').length, 4)
  for (const n of ['n1', 'n2', 'n3']) assert.match(logs, new RegExp(`hello from ${n}, slot`))
  assert.equal(
    JSON.parse(json).items.map(({ slot }: AllocationShape) => slot),
    [0, 1, 2],
  )
  assert.match(jobs, /^hello +service +running +3 +3 +3 +0/m)
  assert.match(list, /^n3 +alive +127.0.0.1 +0.1\/2 +16Mi\/2.0Gi +process +rack=b1,zone=b/m)
  assert.is(await said(agent(2), 'scale hello 5 --wait'), 'hello scaled to 5\n')
  await allKnow()
  const [why, history, plan, events] = await Promise.all([
    said(agent(3), 'why hello 4'),
    said(agent(3), 'history hello'),
    said(agent(3), 'plan -', yaml),
    said(agent(3), 'events --job hello --type job-changed'),
  ])
  assert.match(why, /^4 +placed +n[123]$/m)
  assert.match(why, /^n[123] +[0-9]+ +fits$/m)
  assert.match(history, /n2 +count 5 +\S+ +current\n.*n1 +spec +\S+ +current/)
  assert.match(plan, /^hello: changes version .*\n.*2 removed.*3 kept/)
  assert.match(events, /hello submitted at n1\n.*hello scaled at n2\n$/)
  const stopped = await starling(agent(3), 'stop hello --wait')
  assert.equal([stopped.code, stopped.out], [0, 'hello deleted\n'])
  await allKnow()
  assert.is((await starling(agent(1), 'stop hello')).code, 1)
})

commands('every reading verb speaks JSON; exit codes are 0, 1 and 2', async () => {
  await post(sleeper('json', 1, small, { services: [] }))
  await allKnow()
  const reading = ['ps', 'jobs', 'nodes', 'services', 'history json', 'why json', 'version']
  const spoken = await Promise.all(
    [...reading, 'snapshot'].map((verb) =>
      said(agent(2), verb === 'snapshot' ? verb : `${verb} --json`),
    ),
  )
  for (const each of spoken) assert.type(JSON.parse(each), 'object')
  const codes = await Promise.all(
    ['ps nope', 'why json 9', '--api 127.0.0.1:1 ps', 'ps --nope', 'scale json x', 'nonsense'].map(
      async (words) => (await starling(agent(1), words)).code,
    ),
  )
  assert.equal(codes, [1, 1, 1, 2, 2, 2])
  await agent(1).request('DELETE', '/v1/jobs/json')
})

const where = (operator: string, attribute: string, value?: string) => ({
  constraints: [{ attribute, operator, ...(value !== undefined && { value }) }],
})

commands('constraints, spread and affinity decide where', async () => {
  const jobs = [
    sleeper('is', 1, small, where('=', 'zone', 'b')),
    sleeper('is-not', 2, small, where('!=', 'zone', 'b')),
    sleeper('like', 2, small, where('like', 'rack', 'a*')),
    sleeper('unlike', 1, small, where('unlike', 'rack', 'a?')),
    sleeper('unique', 3, small, where('unique', 'node.name')),
    sleeper('together', 3, small, where('cluster', 'rack')),
    sleeper('apart', 2, small, where('group-by', 'zone')),
    sleeper('at-most', 2, small, where('max-per', 'zone', '1')),
    sleeper('even', 4, small, { spread: [{ attribute: 'zone' }] }),
    sleeper('drawn', 1, small, {
      affinities: [{ attribute: 'node.name', value: 'n2', weight: 100 }],
    }),
  ]
  await Promise.all(jobs.map(post))
  for (const { id, count } of jobs)
    await until(() => isRunning(agent(1), id, count), `${id} runs`, patienceMs)
  const places = new Map<string, string[]>()
  for (const { id } of jobs) places.set(id, await placesOf(id))
  const zones = (id: string) => places.get(id)!.map((name) => (name === 'n3' ? 'b' : 'a'))
  assert.equal(places.get('is'), ['n3'])
  assert.equal(zones('is-not'), ['a', 'a'])
  assert.equal(zones('like'), ['a', 'a'])
  assert.equal(places.get('unlike'), ['n3'])
  assert.equal(places.get('unique'), ['n1', 'n2', 'n3'])
  assert.is(new Set(places.get('together')).size, 1)
  assert.equal(zones('apart').sort(), ['a', 'b'])
  assert.equal(zones('at-most').sort(), ['a', 'b'])
  assert.equal(zones('even').sort(), ['a', 'a', 'b', 'b'])
  assert.equal(places.get('drawn'), ['n2'])
  await Promise.all(jobs.map(({ id }) => agent(2).request('DELETE', `/v1/jobs/${id}`)))
})

commands('what fits nowhere waits, and says for each node what is missing', async () => {
  const jobs = [
    sleeper('gpu', 1, { ...small, gpu: 1 }),
    sleeper('disk', 1, { ...small, disk: 1_000_000_000 }),
    sleeper('fourth', 4, small, where('unique', 'node.name')),
  ]
  await Promise.all(jobs.map(post))
  await until(() => isRunning(agent(1), 'fourth', 3), 'three of four run', patienceMs)
  await allKnow()
  const [gpu, disk, fourth] = await Promise.all(jobs.map(({ id }) => said(agent(2), `why ${id}`)))
  assert.is(gpu!.match(/^n[123] +- +gpu: needs 1, 0 free$/gm)?.length, 3)
  assert.is(disk!.match(/^n[123] +- +disk: needs 1000000000, [0-9]+ free$/gm)?.length, 3)
  assert.is(fourth!.match(/^n[123] +- +node.name unique: is n[123]$/gm)?.length, 3)
  await Promise.all(jobs.map(({ id }) => agent(2).request('DELETE', `/v1/jobs/${id}`)))
})

commands('a task that fails is restarted as its policy says, then tried elsewhere', async () => {
  const restart = { attempts: 1, window: '1m', delay: '100ms', delayMax: '200ms' }
  const process = { command: ['sh', '-c', 'echo oops >&2; exit 3'] }
  await post({ id: 'failing', restart, tasks: [{ name: 'main', process, resources: small }] })
  const failed = async () => {
    const path = '/v1/jobs/failing/allocations'
    const { items } = await agent(1).get<{ items: AllocationShape[] }>(path)
    return items.filter(({ state }) => state === 'failed')
  }
  await until(async () => (await failed()).length >= 3, 'it has failed three times', patienceMs)
  const tries = (await failed()).slice(0, 3)
  assert.equal(tries.map(({ node }) => node).sort(), ['n1', 'n2', 'n3'])
  assert.equal(
    tries.map(({ tasks }) => tasks[0]!.restarts),
    [1, 1, 1],
  )
  await says(agent(2), 'ps failing --all', /failed +no +- +1 +\S+ +main: exited with 3$/m)
  await says(agent(3), 'logs failing --stream stderr', /oops/)
  await agent(2).request('DELETE', '/v1/jobs/failing')
})

commands.run()
