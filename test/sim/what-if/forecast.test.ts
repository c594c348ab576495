/** What-ifs on snapshots of simulated clusters: what is told is what the members then do, and the same each time. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Act } from '../../../sim/what-if/act.ts'
import { type Forecast, forecast } from '../../../sim/what-if/forecast.ts'
import { parseJobFile } from '../../../sim/what-if/job-file.ts'
import { type Prediction, predict } from '../../../sim/what-if/predict.ts'
import { parseSnapshot } from '../../../sim/what-if/snapshot-file.ts'
import { job, madeSnapshot, mixedJobs } from './made.ts'

const whatIf = suite('sim/what-if')
const file = 'x.json'
const mixed = parseSnapshot(madeSnapshot({ jobs: mixedJobs }), file)
/** Five nodes of 4000 millicores: three slots of 1500 each leave 1000 on three of them, and 4000 on two. */
const big = parseSnapshot(madeSnapshot({ jobs: [job('big', 8, 1500, 64)] }), file)

function foretold(acts: readonly Act[], snapshot = mixed, seed = 1): Prediction {
  return predict(snapshot, acts, { file, seed })
}

function told({ moves }: Pick<Prediction, 'moves'>): string[] {
  return moves.map(({ job: id, slot, from, to }) => `${id} ${slot} ${from} → ${to}`)
}

const kill = (...nodes: string[]): Act => ({ type: 'kill', nodes })

whatIf('the members of a snapshot go on as they were: nothing moves, nothing is started', () => {
  const { steps, moves, waiting, snapshot } = foretold([])
  assert.equal([steps.length, moves, waiting], [1, [], []])
  assert.equal([steps[0]!.moves, steps[0]!.shortfalls, steps[0]!.convergedMs], [[], [], 50])
  assert.equal([snapshot.nodes, snapshot.jobs], [5, 12])
})

whatIf('the same snapshot and what-ifs give the same answer twice', () => {
  const options = { file, seed: 3, runs: 2 }
  const acts: Act[] = [kill('n3'), { type: 'scale', job: 'web', count: 14 }]
  assert.equal(forecast(mixed, acts, options), forecast(mixed, acts, options))
})

whatIf('a death moves the same slots however slow the network is, and whoever is first', () => {
  for (const node of ['n0', 'n1', 'n2', 'n3', 'n4']) {
    const { moves, steps } = forecast(mixed, [kill(node)], { file, seed: 1, runs: 8 })
    assert.ok(moves.length >= 7)
    const doubtful = moves.filter(({ runs }) => runs < 8)
    assert.equal(doubtful, [], `${node}: ${JSON.stringify(doubtful)}`)
    assert.ok(moves.every(({ from, to }) => from === node && to !== node))
    const [least, most] = steps[1]!.convergedMsRange!
    assert.ok(least > 500 && most < 5000, `${least} to ${most} ms`)
  }
})

whatIf('a killed node: how far each service fell, and for how long', () => {
  const { steps } = foretold([kill('n3')])
  const web = steps[1]!.shortfalls.find((each) => each.job === 'web')!
  assert.equal([web.wanted, web.lowest], [10, 8])
  assert.ok(web.belowMs > 500 && web.belowMs < 5000)
})

whatIf('a machine without power is silent, which takes longer to be known', () => {
  const [killed, off] = (['kill', 'power-off'] as const).map((type) =>
    foretold([{ type, nodes: ['n3'] }]),
  )
  assert.equal(told(off!), told(killed!))
  assert.ok(off!.steps[1]!.convergedMs! > killed!.steps[1]!.convergedMs! + 200)
})

whatIf('two at once, or one after the other, are two different things', () => {
  const both = foretold([kill('n1', 'n2')])
  assert.is(both.steps.length, 2)
  assert.is(foretold([kill('n1'), kill('n2')]).steps.length, 3)
  assert.ok(both.moves.every(({ to }) => to !== 'n1' && to !== 'n2'))
  assert.is(both.capacity.after.nodes, 3)
})

whatIf('what fits nowhere says why, and what is at risk', () => {
  const { waiting, risks, steps } = foretold([kill('n0', 'n1')], big)
  assert.is(waiting.length, 1)
  assert.equal([waiting[0]!.job, waiting[0]!.slots.length], ['big', 2])
  assert.match(waiting[0]!.because, /^cpu: needs 1500 \(3 nodes\)/)
  const texts = risks.map(({ text }) => text)
  assert.ok(texts.includes('big runs 6 of 8 slots'), texts.join('; '))
  assert.ok(texts.includes('if n2 is lost as well, 2 slots fit nowhere'), texts.join('; '))
  assert.ok(steps[1]!.convergedMs !== null)
})

whatIf('nodes that are added take what waits, and count as capacity', () => {
  const machine = { capacity: { cpu: 8000, memory: 8192, disk: 0, gpu: 0 }, labels: { zone: 'x' } }
  const acts: Act[] = [kill('n0', 'n1'), { type: 'add', count: 1, machine }]
  const { waiting, moves, capacity } = foretold(acts, big)
  assert.equal(waiting, [])
  assert.is(moves.filter(({ to }) => to === 'new1').length, 2)
  assert.equal([capacity.before.capacity.cpu, capacity.after.capacity.cpu], [20_000, 20_000])
})

whatIf('scale, deploy, stop and drain are what they are to an agent', () => {
  const spec = parseJobFile('id: new\ncount: 2\ntasks: [{name: a, process: {command: [x]}}]', 'j')
  const acts: Act[] = [
    { type: 'scale', job: 'web', count: 12 },
    { type: 'deploy', file: 'j', spec },
    { type: 'stop', job: 'api' },
    { type: 'drain', nodes: ['n4'] },
  ]
  const [, scaled, deployed, stopped, drained] = foretold(acts).steps
  assert.equal(
    scaled!.moves.map(({ job: id, slot, from }) => `${id} ${slot} ${from}`),
    ['web 10 null', 'web 11 null'],
  )
  assert.is(deployed!.moves.filter(({ job: id }) => id === 'new').length, 2)
  assert.ok(stopped!.moves.length === 4 && stopped!.moves.every(({ to }) => to === null))
  assert.ok(drained!.moves.length > 0 && drained!.moves.every(({ from }) => from === 'n4'))
  assert.equal(drained!.shortfalls, [], 'the new one runs before the old one ends')
})

whatIf('the last two nodes: what is left when one goes', () => {
  const pair = parseSnapshot(madeSnapshot({ jobs: [job('web', 2)], members: 2 }), file)
  const { risks } = foretold([kill('n1')], pair)
  assert.equal(
    risks.map(({ kind }) => kind),
    ['copies'],
  )
  assert.equal(foretold([kill('n0'), kill('n1')], pair).capacity.after.nodes, 0)
})

whatIf('a batch goes on from where it was, and ends when it would have', () => {
  const task = { name: 'a', process: { command: ['sleep', '30'] } }
  const batch = { id: 'nightly', type: 'batch', count: 1, tasks: [task] }
  // It has run for some seconds when the second job is there.
  const snapshot = parseSnapshot(madeSnapshot({ jobs: [batch, job('web', 1)] }), file)
  const later: Act = { type: 'scale', job: 'web', count: 2 }
  const isThere = (acts: Act[]): boolean =>
    foretold(acts, snapshot).moves.some(({ job: id, to }) => id === 'nightly' && to === null)
  assert.not(isThere([later]))
  assert.ok(isThere(Array.from({ length: 12 }, () => later)))
})

whatIf('of several runs the likeliest is told, with what else there was', () => {
  const { runs, moves, seed }: Forecast = forecast(mixed, [kill('n2')], { file, seed: 5, runs: 3 })
  assert.is(runs, 3)
  assert.ok(seed >= 5 && seed < 8)
  assert.ok(moves.every((move) => move.runs <= 3 && Array.isArray(move.otherwise)))
})

whatIf.run()
