import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../../protocol/config.ts'
import type { AllocationBody } from '../../../protocol/placement/allocation.ts'
import type { Job } from '../../../protocol/placement/inventory.ts'
import { type SlotFacts, stopReason } from '../../../protocol/placement/self-stop.ts'
import { Machine, node, spec, task } from './machine.ts'

const rule = suite('when an allocation stops itself')
const id = 'web.0.00000000'

function running(overrides: { [field: string]: unknown } = {}): Machine {
  const machine = new Machine()
  machine.states.set('m2', 'alive')
  machine.putJob(spec(overrides))
  machine.put('node/m2', { ...node() } as never, 'm2')
  machine.start()
  machine.run()
  return machine
}

rule('by what is known', () => {
  const machine = running()
  const job = machine.inventory.job('web')!
  const body = machine.body(id)
  const other = (state: AllocationBody['state'], healthy: boolean): SlotFacts['winner'] => ({
    member: 'm2',
    stamp: 1,
    body: { ...body, id: 'web.0.ffffffff', state, healthy },
  })
  const sick = { ...body, healthy: false }
  const table: [string, AllocationBody, Partial<SlotFacts>, boolean][] = [
    ['all is well', body, {}, false],
    ['the job is gone', body, { job: undefined, isJobGone: true }, true],
    ['the job is not known yet', body, { job: undefined }, false],
    ['scaled below the slot', { ...body, slot: 3 }, {}, true],
    ['it is the winner', body, { winner: { member: 'm1', stamp: 1, body } }, false],
    ['the winner is healthy', body, { winner: other('running', true) }, true],
    ['the winner runs, both are unhealthy', sick, { winner: other('running', false) }, true],
    ['the winner runs and only we are healthy', body, { winner: other('running', false) }, false],
    ['the winner starts', sick, { winner: other('starting', false) }, false],
    ['a system job is eligible', body, { job: system(job) }, false],
    ['a system job is not', body, { job: system(job), ineligible: 'zone' }, true],
    ['a system job has one slot', { ...body, slot: 1 }, { job: system(job) }, true],
    [
      'a system job of another version',
      { ...body, version: '0-0', essence: 'was' },
      { job: system(job) },
      true,
    ],
    ['a system job with a count of 0', body, { job: { ...system(job), count: 0 } }, true],
  ]
  for (const [name, own, facts, stops] of table) {
    const all = { job, isJobGone: false, ineligible: undefined, winner: undefined, ...facts }
    assert.is(stopReason(own, all) !== undefined, stops, name)
  }
})

function system(job: Job): Job {
  return { ...job, spec: { ...job.spec, type: 'system' } }
}

rule('a scale stops the slots past the count', () => {
  const machine = running()
  machine.put('job/web/count', { count: 0 })
  assert.equal(machine.settle(), [
    `stop-task ${id} server`,
    `notify ${id} stopping (the job was scaled to 0)`,
  ])
})

rule('the loser of a slot waits for the winner to be healthy', () => {
  const machine = running()
  const own = machine.body(id)
  const winner = {
    ...own,
    id: 'web.0.ffffffff',
    createdStamp: own.createdStamp - 1,
    healthy: false,
    state: 'starting' as const,
  }
  assert.equal(machine.putAllocation('m2', winner), [])
  assert.equal(machine.putAllocation('m2', { ...winner, state: 'running', healthy: true }), [
    `stop-task ${id} server`,
    `notify ${id} stopping (its slot is run by web.0.ffffffff on m2)`,
  ])
})

rule('a winner whose member is gone wins nothing; when it returns it does', () => {
  const machine = running()
  const own = machine.body(id)
  machine.states.set('m2', 'down')
  machine.putAllocation('m2', {
    ...own,
    id: 'web.0.ffffffff',
    createdStamp: own.createdStamp - 1,
  })
  assert.is(machine.body(id).state, 'running')
  machine.states.set('m2', 'alive')
  machine.step((out) => machine.host.onMembersChanged(['m2'], machine.now, out))
  assert.is(machine.body(id).state, 'stopping')
})

rule('what its steward says is over does not oust it, for as long as word of that may take', () => {
  const placed = (over: string[]): Machine => {
    const machine = new Machine()
    machine.states.set('m2', 'alive')
    machine.putJob(spec())
    machine.put('node/m2', { ...node() } as never, 'm2')
    machine.start()
    const elder = { ...running().body(id), id: 'web.0.ffffffff', createdStamp: 1 }
    machine.putAllocation('m2', elder)
    machine.place({ over })
    return machine
  }
  assert.is(placed([]).body(id).state, 'complete')
  const trusted = placed(['web.0.ffffffff'])
  assert.is(trusted.body(id).state, 'starting')
  trusted.after(defaultConfig.placementSettleMs - 1)
  assert.is(trusted.body(id).state, 'starting')
  trusted.toDeadline()
  assert.is(trusted.body(id).state, 'stopping')
})

rule('of two of its own for one slot, a member keeps the better', () => {
  const machine = running()
  machine.putJob(spec({ tasks: [task({ env: { NEW: '1' } })] }), 2)
  machine.run({ allocation: 'web.0.bbbbbbbb', replaces: id })
  assert.is(machine.body(id).state, 'stopping')
  assert.is(machine.body('web.0.bbbbbbbb').state, 'running')
})

rule('an allocation whose job nobody knows goes on for a while, and alone for ever', () => {
  const machine = new Machine({ records: new Map(running().records) })
  for (const key of [...machine.records.keys()])
    if (key.startsWith('job/')) machine.records.delete(key)
  const observed = { allocation: id, task: 'server', running: true, pid: 7, containerId: null }
  machine.start([{ ...observed, ports: {}, exitCode: null }])
  machine.after(10 * defaultConfig.unknownJobGraceMs)
  assert.is(machine.body(id).state, 'running')
  machine.states.set('m2', 'alive')
  const { afterMs } = machine.toDeadline()
  assert.is(afterMs, defaultConfig.unknownJobGraceMs)
  assert.is(machine.body(id).state, 'stopping')
})

rule('a job that this version can not read is no reason to stop', () => {
  const machine = running()
  machine.put('job/web/spec', { generation: 2, spec: { id: 'web', shape: 'of the future' } })
  machine.settle()
  machine.after(10 * defaultConfig.unknownJobGraceMs)
  assert.is(machine.body(id).state, 'running')
})

rule('many at once are stopped over several steps, each bounded', () => {
  const machine = new Machine({
    node: node({ capacity: { cpu: 1e6, memory: 1e6, disk: 0, gpu: 0 } }),
  })
  machine.putJob(spec({ count: 200 }))
  machine.start()
  for (let slot = 0; slot < 200; slot++) machine.run({ slot })
  machine.deleteJob('web')
  const counts = [machine.lastEffects.length]
  while (machine.host.deadline() === machine.now) {
    machine.after(0)
    counts.push(machine.lastEffects.length)
  }
  assert.ok(counts.length > 3, `${counts}`)
  assert.ok(Math.max(...counts) <= 2 * 64 + 2 * 64, `${counts}`)
  const stops = [...machine.unanswered.values()].filter(({ type }) => type === 'stop-task')
  assert.is(stops.length, 200)
})

rule.run()
