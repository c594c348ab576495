import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { WhyView } from '../../../protocol/view.ts'
import { spec, task } from './machine.ts'
import { healthy, Stage } from './stage.ts'

const why = suite('why')

function slots(view: WhyView | undefined): string[] {
  assert.ok(view)
  return (view as WhyView).slots.map(({ slot, state, member }) =>
    [slot, state, member].filter((each) => each !== undefined).join(' '),
  )
}

why('a job that fits nowhere: a reason for each node', () => {
  const stage = Stage.of(2)
  stage.addNode('m3', { name: 'n3', labels: { zone: 'b' } })
  stage.addNode('m4', { name: 'n4', runtimes: ['docker'] })
  stage.addNode('m5', { name: 'n5' })
  stage.drain('m5')
  stage.setState('m6', 'alive')
  stage.setState('m2', 'suspect')
  stage.putJob(
    spec({
      count: 1,
      constraints: [{ attribute: 'zone', operator: '=', value: 'a' }],
      tasks: [task({ resources: { cpu: 2000, memory: 10 } })],
    }),
  )
  const view = stage.steward.why('web', stage.now)
  assert.equal(slots(view), ['0 waiting'])
  const refusals = view?.slots[0]?.candidates.map(({ member, refusal }) => `${member}: ${refusal}`)
  assert.equal(refusals?.sort(), [
    'm1: cpu: needs 2000, 1000 free',
    'm2: suspect',
    'm3: zone = a: is b',
    'm4: runtime: has no process',
    'm5: draining',
    'm6: not known yet',
  ])
})

why('every member explains alike what the records tell', () => {
  const first = Stage.of(4)
  const second = new Stage({ self: 'm2', like: first })
  second.pass(first.config.placementSettleMs)
  for (const id of ['web', 'api', 'db']) {
    first.putJob(spec({ id, count: 2, tasks: [task({ resources: { cpu: 1500 } })] }))
    second.refresh([`job/${id}/spec`])
    const views = [first, second].map((stage) => stage.steward.why(id, stage.now))
    assert.equal(views[0], views[1])
    assert.is(views[0]?.steward, first.steward.stewardOf(id))
  }
})

why('the first candidate is the one that the steward asks', () => {
  const stage = Stage.of(5)
  for (let i = 0, asked = 0; asked < 5; i++) {
    const id = `job-${i}`
    if (stage.steward.stewardOf(id) !== 'm1') continue
    asked += 1
    stage.putJob(spec({ id, count: 0 }))
    stage.put(`job/${id}/count`, { count: 0 })
    const before = new Stage({ self: 'm2', like: stage })
    stage.put(`job/${id}/count`, { count: 1 })
    before.refresh([`job/${id}/count`])
    const [request] = stage.takeAsked()
    const candidates = before.steward.why(id, before.now)?.slots[0]?.candidates ?? []
    assert.is(candidates[0]?.member, request?.to)
    const scores = candidates.map(({ score }) => score ?? Number.POSITIVE_INFINITY)
    assert.equal(
      scores,
      [...scores].sort((a, b) => a - b),
    )
    stage.accept(request!, healthy)
  }
})

why('the states of slots', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 5, type: 'batch', tasks: [task({ resources: { cpu: 250 } })] }))
  const asked = stage.takeAsked()
  assert.is(asked.length, 4)
  stage.accept(asked[0]!, healthy)
  stage.accept(asked[1]!, { state: 'complete' })
  stage.accept(asked[2]!, { state: 'failed' })
  assert.equal(slots(stage.steward.why('web', stage.now)), [
    '0 placed m1',
    '1 complete',
    '2 backing-off',
    '3 placing m1',
    '4 waiting',
  ])
})

why('a slot that backs off says how it failed, and when it is tried again', () => {
  const stage = Stage.of(2)
  stage.putJob(spec({ count: 1 }))
  const reason = 'main: exited with 3'
  stage.accept(stage.takeAsked()[0]!, { state: 'failed', reason })
  const [slot] = stage.steward.why('web', stage.now)!.slots
  assert.is(slot?.state, 'backing-off')
  assert.is(slot?.reason, reason)
  assert.ok(slot!.until! > stage.now)
})

why('a roll-out that does not go on says so', () => {
  const stage = Stage.of(3)
  stage.putJob(spec({ count: 2 }))
  for (const request of stage.takeAsked()) stage.accept(request, healthy)
  stage.putJob(spec({ count: 2, tasks: [task({ env: { A: 'b' } })] }))
  stage.accept(stage.takeAsked()[0]!, { state: 'failed', reason: 'main: exited with 3' })
  const { version } = stage.inventory.job('web')!
  const { note } = stage.steward.why('web', stage.now)!
  assert.match(note ?? '', new RegExp(`slot [01] has failed with version ${version}`))
})

why('a slot that was declined says so', () => {
  const stage = Stage.of(1)
  stage.putJob(spec({ count: 1 }))
  stage.decline(stage.takeAsked()[0]!, 'port 80: is taken by another allocation')
  assert.equal(stage.steward.why('web', stage.now)?.slots[0]?.candidates, [
    {
      member: 'm1',
      score: undefined,
      refusal: 'declined: port 80: is taken by another allocation',
    },
  ])
})

why('a system job: each node for itself', () => {
  const stage = Stage.of(2)
  stage.addNode('m3', { name: 'n3', labels: {} })
  const constraints = [{ attribute: 'zone', operator: '=', value: 'a' }]
  stage.putJob(spec({ id: 'logs', type: 'system', constraints }))
  const version = stage.inventory.job('logs')!.version
  const allocation = { job: 'logs', slot: 0, version, allocation: 'logs.0.00000001', failures: 0 }
  stage.place('m1', allocation, healthy)
  const view = stage.steward.why('logs', stage.now)
  assert.is(view?.steward, undefined)
  assert.equal(slots(view), ['0 placed m1', '0 waiting', '0 waiting'])
  const [, second, third] = view!.slots
  assert.is(second!.candidates[0]?.refusal, undefined)
  assert.is(third!.candidates[0]?.refusal, 'zone = a: is not set')
})

why('a job that is not there', () => {
  assert.is(Stage.of(1).steward.why('nothing', 0), undefined)
})

why.run()
