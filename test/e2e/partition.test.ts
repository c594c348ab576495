/**
 * Five real agents on hosts of their own: the network breaks in halves, around one of them, and in one direction
 * of one link, and mends. In order, on one cluster.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import { NetBed, whyNoNetBed } from './netbed.ts'
import { agree, type ClusterShape, isRunning, nodes, settles, sleeper } from './shapes.ts'

const partition = suite('e2e/partition')
let bed: NetBed
let cluster: LocalCluster
/** What there should be, job by job. */
const wanted: { [job: string]: number } = {}

const reason = whyNoNetBed()
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`)
  partition.skip('needs network namespaces', () => {})
}

function parted(name: string, body: () => Promise<void>): void {
  if (reason === undefined) partition(name, body)
}

partition.after(async () => {
  await cluster?.stop()
  bed?.down()
})

partition.after.each(() => bed?.heal())

const agent = (i: number) => cluster.agents[i - 1]!

interface Written {
  readonly version: string
  readonly copies: number
}

async function write(to: LocalAgent, method: string, path: string, body?: unknown) {
  const answer = await to.request(method, path, body)
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path} on ${to.name}: ${answer.status} ${text}`)
  return JSON.parse(text) as Written
}

async function submit(to: LocalAgent, id: string, count: number): Promise<Written> {
  return write(to, 'POST', '/v1/jobs', sleeper(id, count, { cpu: 50 }))
}

const scale = (to: LocalAgent, id: string, count: number) =>
  write(to, 'POST', `/v1/jobs/${id}/scale`, { count })

const stop = (to: LocalAgent, id: string) => write(to, 'DELETE', `/v1/jobs/${id}`)

/** Each sees all of them, and nobody else; whoever is suspected still counts, so it takes the time of a death. */
async function seeEachOther(...of: LocalAgent[]): Promise<void> {
  const isSo = async (each: LocalAgent) => {
    const { alive, down } = (await each.get<ClusterShape>('/v1/cluster')).members
    return alive === of.length && down === cluster.agents.length - of.length
  }
  const all = async () => (await Promise.all(of.map(isSo))).every(Boolean)
  await until(all, `${of.map(({ name }) => name)} see each other only`, 60_000)
}

interface Change {
  readonly field: string
  readonly outcome: string
  readonly version: string
  readonly node: string
  readonly value: unknown
}

const history = async (of: LocalAgent, id: string) =>
  (await of.get<{ items: Change[] }>(`/v1/jobs/${id}/history`)).items

parted('five agents on hosts of their own make one cluster', async () => {
  bed = new NetBed(5)
  cluster = await LocalCluster.start({ agents: 5, cpu: 4000, memory: 4096, ...bed.options })
  await until(() => agree(cluster.agents), 'each knows what the others have', 30_000)
})

parted('halves go on by themselves for 30 s, and are one again within 15 s', async () => {
  const [left, right] = [
    [agent(1), agent(2)],
    [agent(3), agent(4), agent(5)],
  ]
  const before = { grows: 3, shrinks: 5, 'left-stops': 3, 'right-stops': 3, stays: 5, edited: 2 }
  for (const [id, count] of Object.entries(before)) await submit(agent(1), id, count)
  await settles(cluster.agents, before, 20_000)

  bed.part(1, 2)
  const cutAt = performance.now()
  await Promise.all([seeEachOther(...left), seeEachOther(...right)])
  const [one, other] = [agent(2), agent(4)]
  for (const [side, to] of [
    ['left', one],
    ['right', other],
  ] as const) {
    assert.is((await submit(to, `${side}-new`, 3)).copies, 2)
    assert.is((await submit(to, `${side}-brief`, 2)).copies, 2)
    assert.is((await submit(to, 'of-both', side === 'left' ? 2 : 4)).copies, 2)
    await stop(to, `${side}-stops`)
  }
  assert.is((await scale(one, 'grows', 6)).copies, 2)
  assert.is((await scale(other, 'shrinks', 1)).copies, 2)
  const edit = (to: LocalAgent, cpu: number) =>
    write(to, 'PUT', '/v1/jobs/edited', sleeper('edited', 2, { cpu }))
  const [lost, won] = [await edit(one, 60), await edit(other, 70)]
  const isWorking = async () =>
    (await isRunning(one, 'grows', 6)) &&
    (await isRunning(other, 'shrinks', 1)) &&
    (await isRunning(one, 'left-new', 3)) &&
    (await isRunning(other, 'right-new', 3)) &&
    (await isRunning(one, 'stays', 5)) &&
    (await isRunning(other, 'stays', 5))
  await until(isWorking, 'both halves do as they are told', 20_000)
  await Promise.all([stop(one, 'left-brief'), stop(other, 'right-brief')])
  await new Promise((resolve) => setTimeout(resolve, cutAt + 30_000 - performance.now()))

  bed.heal()
  Object.assign(wanted, { grows: 6, shrinks: 1, stays: 5, edited: 2 })
  Object.assign(wanted, { 'left-new': 3, 'right-new': 3, 'of-both': 4 })
  const tookMs = await settles(cluster.agents, wanted, 15_000)
  process.stdout.write(`one again after ${(tookMs / 1000).toFixed(1)} s\n`)
  for (const each of cluster.agents) {
    const outcomes = Object.fromEntries(
      (await history(each, 'edited')).map(({ version, outcome }) => [version, outcome]),
    )
    assert.is(outcomes[won.version], 'current')
    assert.is(outcomes[lost.version], 'lost')
    const twice = (await history(each, 'of-both')).filter(({ field }) => field === 'spec')
    assert.equal(
      twice.map(({ outcome, node }) => [outcome, node]),
      [
        ['current', 'n4'],
        ['lost', 'n2'],
      ],
    )
  }
})

parted(
  'one alone still takes jobs, says that it has the only copy, and is merged after',
  async () => {
    const alone = agent(5)
    const rest = cluster.agents.slice(0, 4)
    bed.part(5)
    const early = await alone.request('POST', '/v1/jobs?w=1', sleeper('early', 1, { cpu: 50 }))
    assert.is(early.status, 201)
    assert.is(((await early.json()) as Written).copies, 1)
    await Promise.all([seeEachOther(alone), seeEachOther(...rest)])
    assert.is((await submit(alone, 'lonely', 2)).copies, 1)
    await scale(agent(1), 'left-new', 2)
    await stop(agent(2), 'right-new')
    const isWorking = async () =>
      (await isRunning(alone, 'lonely', 2)) &&
      (await isRunning(alone, 'stays', 5)) &&
      (await isRunning(agent(1), 'stays', 5))
    await until(isWorking, 'either side runs what it knows', 20_000)

    bed.heal()
    Object.assign(wanted, { early: 1, lonely: 2, 'left-new': 2 })
    delete wanted['right-new']
    await settles(cluster.agents, wanted, 15_000)
  },
)

parted('one direction of one link lost: nobody is declared dead', async () => {
  const incarnations = async () =>
    (await nodes(agent(3))).map(({ name, incarnation }) => [name, incarnation])
  await seeEachOther(...cluster.agents)
  const before = await incarnations()
  bed.mute(1, 2)
  const mutedAt = performance.now()
  for (const [i, id] of ['one', 'two', 'three'].entries()) {
    assert.is((await submit(agent(i + 1), id, 5)).copies, 2)
    wanted[id] = 5
  }
  const isWorking = async () =>
    (await isRunning(agent(1), 'one', 5)) && (await isRunning(agent(2), 'two', 5))
  await until(isWorking, 'jobs run all the same', 20_000)
  await until(
    async () => {
      for (const each of cluster.agents) {
        const { members } = await each.get<ClusterShape>('/v1/cluster')
        assert.is(members.down + members.left, 0, `says ${each.name}`)
      }
      return performance.now() - mutedAt > 18_000
    },
    'long enough to give the link up',
    30_000,
  )
  bed.unmute(1, 2)
  await settles(cluster.agents, wanted, 15_000)
  // Whoever is declared dead, and is not, comes back with another.
  assert.equal(await incarnations(), before)
})

partition.run()
