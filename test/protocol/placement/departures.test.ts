/** After a death, what moves where does not hang on which of two stewards was first by some milliseconds. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spec, task } from './machine.ts'
import { healthy, jobOf, Stage } from './stage.ts'

const departures = suite('departures')

const some = { cpu: 300, memory: 300, disk: 0, gpu: 0 }

/** A job of m1's that runs on m4; of the others, which are alike, the fullest is the best. */
function onFourth(count = 1, type = 'batch'): { stage: Stage; id: string } {
  const stage = Stage.of(4)
  const id = jobOf(stage, 'm1')
  const affinities = [{ attribute: 'node.name', value: 'n4', weight: 100 }]
  const tasks = [task({ resources: { cpu: 100, memory: 100 } })]
  stage.putJob(spec({ id, count, type, tasks, affinities }))
  for (const { to } of stage.acceptAll()) assert.is(to, 'm4')
  stage.pass(5000)
  return { stage, id }
}

/** Another steward's, that m2 has admitted a moment ago. */
function placeOther(stage: Stage, member = 'm2', name = 'other'): void {
  const wanted = { job: name, slot: 0, version: '1', allocation: `${name}.0.0`, failures: 0 }
  stage.place(member, wanted, { ...healthy, resources: some })
}

departures('what others have placed on account of it does not change the choice', () => {
  const { stage } = onFourth()
  const { stage: busier } = onFourth()
  placeOther(busier)
  for (const each of [stage, busier]) each.setState('m4', 'down')
  const targets = [stage, busier].map((each) => each.takeAsked().map(({ to }) => to))
  assert.equal(targets, [['m1'], ['m1']])
})

departures('a drain is a departure too', () => {
  const { stage } = onFourth(1, 'service')
  placeOther(stage)
  stage.drain('m4')
  assert.equal(
    stage.takeAsked().map(({ to }) => to),
    ['m1'],
  )
})

departures('what was there before counts, and what this steward asks for itself', () => {
  const { stage } = onFourth(3)
  placeOther(stage, 'm3')
  stage.pass(5000)
  placeOther(stage, 'm2', 'late')
  stage.setState('m4', 'down')
  assert.equal(
    stage.acceptAll().map(({ to }) => to),
    ['m3', 'm3', 'm3'],
  )
})

departures('where it would not fit by now nobody is asked', () => {
  const { stage } = onFourth()
  for (const member of ['m1', 'm2'])
    for (const name of ['a', 'b', 'c']) placeOther(stage, member, `${name}-${member}`)
  for (const member of ['m1', 'm2']) placeOther(stage, member, `d-${member}`)
  stage.setState('m4', 'down')
  assert.equal(
    stage.takeAsked().map(({ to }) => to),
    ['m3'],
  )
})

departures('a moment later everything counts', () => {
  const { stage, id } = onFourth()
  stage.setState('m4', 'down')
  stage.acceptAll()
  stage.pass(stage.config.placementSettleMs)
  placeOther(stage, 'm3')
  placeOther(stage, 'm3', 'more')
  stage.put(`job/${id}/count`, { count: 2 })
  assert.equal(
    stage.takeAsked().map(({ to }) => to),
    ['m3'],
  )
})

departures.run()
