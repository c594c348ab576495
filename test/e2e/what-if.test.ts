/**
 * Predict, then do: a snapshot of five real agents says what the death of one moves; then it dies, and the same slots
 * are on the same nodes. And a record of an agent's life runs again to the same effects, unless somebody altered it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../../protocol/base/value.ts'
import { encodeFrame, type Frame, readFrames } from '../../protocol/flight-record.ts'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import type { Forecast } from '../../sim/what-if/forecast.ts'
import { said, simulated } from './command-line.ts'
import { type AllocationShape, agree, isRunning, nodes, sleeper } from './shapes.ts'

const whatIf = suite('e2e/what-if')
let cluster: LocalCluster
/** A condition that has not come by then never comes, however busy the machine is. */
const patienceMs = 60_000
const agent = (i: number) => cluster.agents[i - 1]!
const inCluster = (name: string) => join(cluster.directory, name)

const jobs = [
  sleeper('web', 10, { cpu: 200, memory: 128 }),
  sleeper('api', 4, { cpu: 300, memory: 256 }, { spread: [{ attribute: 'zone' }] }),
  sleeper('crunch', 3, { cpu: 500, memory: 200 }, { type: 'batch' }),
  sleeper('small', 5, { cpu: 90, memory: 300 }),
  sleeper('watch', 1, { cpu: 50, memory: 32 }, { type: 'system' }),
]
const counted = jobs.filter(({ id }) => id !== 'watch')

whatIf.before(async () => {
  cluster = new LocalCluster({ agents: 5 })
  for (const [i, zone] of ['a', 'b', 'c', 'a', 'b'].entries())
    await cluster.add(['--labels', `zone=${zone}`, '--record', inCluster(`n${i + 1}.record`)])
  await cluster.whole()
  for (const job of jobs) assert.ok((await agent(1).request('POST', '/v1/jobs', job)).ok)
  await until(() => isPlaced(5), 'all jobs run everywhere', patienceMs)
})

whatIf.after(() => cluster.stop())

async function isPlaced(nodeCount: number): Promise<boolean> {
  const [first] = cluster.running
  for (const { id, count } of counted) if (!(await isRunning(first!, id, count))) return false
  const watches = (await seats(first!)).filter((seat) => seat.startsWith('watch '))
  return watches.length === nodeCount && agree(cluster.running)
}

/** `web 3 n2`. */
async function seats(from: LocalAgent): Promise<string[]> {
  const { items } = await from.get<{ items: AllocationShape[] }>('/v1/allocations?limit=1000')
  return items
    .filter(({ state }) => state === 'running')
    .map(({ job, slot, node }) => `${job} ${slot} ${node}`)
    .sort()
}

async function forecastOf(file: string, whatIfs: string): Promise<Forecast> {
  const { code, out, err } = await simulated(`sim --from ${file} ${whatIfs} --json`)
  assert.equal([code, err], [0, ''])
  return JSON.parse(out)
}

/** The machine dies; when the others have what it ran, what is where. */
async function lose(victim: LocalAgent): Promise<string[]> {
  await victim.killMachine()
  const left = cluster.running.length
  await until(
    async () => (await isPlaced(left)) && !(await seats(cluster.running[0]!)).some(isOn(victim)),
    `what ${victim.name} ran is elsewhere`,
    patienceMs,
  )
  return seats(cluster.running[0]!)
}

const isOn =
  ({ name }: LocalAgent) =>
  (seat: string) =>
    seat.endsWith(` ${name}`)

for (const victim of [3, 1])
  whatIf(`sim --from says what the death of n${victim} moves, and it moves that`, async () => {
    const [witness] = cluster.running.filter((each) => each !== agent(victim))
    const file = inCluster(`before-${victim}.json`)
    await said(witness!, `snapshot -o ${file}`)
    const before = await seats(witness!)
    const { moves, steps, waiting } = await forecastOf(file, `--kill n${victim}`)
    assert.equal([steps[0]!.moves, waiting], [[], []])
    const lost = before.filter(isOn(agent(victim)))
    assert.is(moves.length, lost.length)

    const after = await lose(agent(victim))
    const moved = after.filter((seat) => !before.includes(seat))
    const told = moves.flatMap(({ job, slot, to }) => (to === null ? [] : [`${job} ${slot} ${to}`]))
    assert.equal(moved, told.sort())
    assert.ok(moved.length >= 3)
  })

whatIf('the nodes of a snapshot are the same in the simulator, the dead one too', async () => {
  const file = inCluster('after.json')
  await said(agent(2), `snapshot ${file}`)
  const { capacity, steps } = await forecastOf(file, '--add 1:cpu=4000,memory=4096')
  const alive = (await nodes(agent(2))).filter(({ state }) => state === 'alive')
  assert.is(capacity.before.nodes, alive.length)
  assert.is(
    capacity.before.committed.cpu,
    alive.reduce((sum, { committed }) => sum + committed.cpu, 0),
  )
  assert.equal(
    steps[1]!.moves.map(({ job, to }) => `${job} ${to}`),
    ['watch new1'],
  )
})

whatIf(
  'the record of an agent that was killed, and of one that left, run again to the same',
  async () => {
    await agent(2).terminate()
    for (const name of ['n1', 'n2', 'n3']) {
      const { code, out } = await simulated(`replay --json ${inCluster(`${name}.record`)}`)
      const told = JSON.parse(out)
      assert.is(code, 0)
      assert.equal([told.name, told.outcome], [name, { type: 'same' }])
      assert.ok(told.steps > 50 && told.compared === told.steps)
    }
  },
)

whatIf('one field of one effect is altered: there it stops', async () => {
  const frames = [...readFrames(new Uint8Array(readFileSync(inCluster('n2.record'))))]
  const at = frames.findIndex(
    (frame) => frame.type === 'step' && frame.effects?.some(({ type }) => type === 'start-task'),
  )
  frames[at] = altered(frames[at]!)
  writeFileSync(inCluster('altered.record'), Buffer.concat(frames.map(encodeFrame)))
  const step = frames.slice(0, at + 1).filter(({ type }) => type === 'step').length
  const { code, out } = await simulated(`replay ${inCluster('altered.record')}`)
  assert.is(code, 1)
  assert.match(out, new RegExp(`^step ${step.toLocaleString('en')} comes to something else$`, 'm'))
  assert.match(out, /^ {2}effects\[\d+\]\.slot$\n {4}expected {2}4711\n {4}actual {4}\d+$/m)
})

function altered(frame: Frame): Frame {
  if (frame.type !== 'step' || frame.effects === null) throw new Error('not a step')
  const effects = frame.effects.map((effect) =>
    effect.type === 'start-task' ? { ...effect, slot: 4711 as Value } : effect,
  )
  return { ...frame, effects } as Frame
}

whatIf.run()
