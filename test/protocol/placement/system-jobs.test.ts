import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Machine, node, spec, task } from './machine.ts'

const system = suite('system jobs')
const agent = { id: 'logs', type: 'system', count: 1 }

function idOn(machine: Machine): string {
  const own = machine.inventory.allocationsOn(machine.self)
  const live = own.filter(({ body }) => !['complete', 'failed'].includes(body.state))
  assert.is(live.length, 1)
  return live[0]!.body.id
}

system('each member places one for itself, and knows of the other', () => {
  const machines = ['m1', 'm2'].map((self, i) => new Machine({ self, seed: i + 1 }))
  for (const machine of machines) {
    machine.putJob(spec(agent))
    assert.is(machine.start().filter((line) => line.startsWith('start-task')).length, 1)
    assert.match(idOn(machine), /^logs\.0\.[0-9a-f]{8}$/)
    machine.started(idOn(machine))
  }
  const [one, two] = machines as [Machine, Machine]
  one.states.set('m2', 'alive')
  two.states.set('m1', 'alive')
  one.putAllocation('m2', two.body(idOn(two)))
  two.putAllocation('m1', one.body(idOn(one)))
  for (const machine of machines) assert.is(machine.body(idOn(machine)).state, 'running')
  assert.not(idOn(one) === idOn(two))
})

system('one that comes later is placed at once', () => {
  const machine = new Machine()
  machine.start()
  machine.putJob(spec(agent))
  assert.is(machine.body(idOn(machine)).state, 'starting')
})

system('one that does not fit waits for room', () => {
  const machine = new Machine({
    node: node({ capacity: { cpu: 100, memory: 100, disk: 0, gpu: 0 } }),
  })
  machine.putJob(spec())
  machine.start()
  const service = machine.run()
  machine.putJob(spec(agent))
  assert.is(idOn(machine), service)
  machine.deleteJob('web')
  machine.stopped(service)
  assert.match(idOn(machine), /^logs/)
})

system('it is tried again every now and then', () => {
  const machine = new Machine()
  machine.canPersist = false
  machine.putJob(spec(agent))
  machine.start()
  machine.canPersist = true
  assert.is(machine.toDeadline().afterMs, 5000)
  assert.is(machine.body(idOn(machine)).state, 'starting')
})

system('only where the labels say so, and no longer than they do', () => {
  const constraints = [{ attribute: 'zone', operator: '=', value: 'a' }]
  const machine = new Machine()
  machine.putJob(spec({ ...agent, constraints }))
  machine.start()
  const id = idOn(machine)
  machine.started(id)
  const moved = node({ labels: { zone: 'b' } })
  machine.step((out) => machine.host.onNodeChanged(moved, machine.now, out))
  assert.is(machine.body(id).state, 'stopping')
  machine.stopped(id)
  machine.after(60_000)
  assert.is(machine.committedCpu(), 0)
  machine.step((out) => machine.host.onNodeChanged(node(), machine.now, out))
  assert.is(machine.committedCpu(), 100)
})

system('an engine that is away for a moment stops nothing', () => {
  const machine = new Machine()
  machine.putJob(spec(agent))
  machine.start()
  machine.started(idOn(machine))
  const without = node({ runtimes: [] })
  machine.step((out) => machine.host.onNodeChanged(without, machine.now, out))
  assert.is(machine.body(idOn(machine)).state, 'running')
})

system('a drain stops it, and its end brings it back', () => {
  const machine = new Machine()
  machine.putJob(spec(agent))
  machine.start()
  const id = idOn(machine)
  machine.started(id)
  machine.put('drain/m1', { draining: true })
  machine.settle()
  machine.stopped(id)
  assert.is(machine.committedCpu(), 0)
  machine.put('drain/m1', { draining: false })
  machine.settle()
  assert.not(idOn(machine) === id)
})

system('a change of the job replaces it, the old one first', () => {
  const machine = new Machine()
  machine.putJob(spec(agent))
  machine.start()
  const old = idOn(machine)
  machine.started(old)
  const version = machine.putJob(spec({ ...agent, tasks: [task({ env: { NEW: '1' } })] }), 2)
  assert.is(idOn(machine), old)
  machine.stopped(old)
  assert.is(machine.body(idOn(machine)).version, version)
})

system('it never gives up, and slows down', () => {
  const machine = new Machine()
  machine.putJob(spec({ ...agent, restart: { attempts: 1, delay: '1s', delayMax: '4s' } }))
  machine.start()
  const id = idOn(machine)
  machine.started(id)
  const delays: number[] = []
  for (let i = 0; i < 5; i++) {
    machine.exited(id, 1)
    delays.push(machine.toDeadline().afterMs)
    machine.started(id)
  }
  assert.equal(delays, [1000, 2000, 4000, 4000, 4000])
})

system('one that can not begin is placed again after a back-off', () => {
  const machine = new Machine()
  const tasks = [task({ ports: [{ name: 'http', host: 80 }] })]
  machine.putJob(spec({ ...agent, tasks, restart: { delay: '2s' } }))
  machine.start()
  const delays: number[] = []
  for (let i = 0; i < 3; i++) {
    machine.failed(`reserve-ports ${idOn(machine)} http=80`)
    delays.push(machine.toDeadline().afterMs)
  }
  assert.equal(delays, [2000, 4000, 8000])
})

system.run()
