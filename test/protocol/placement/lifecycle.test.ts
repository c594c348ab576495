import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Machine, spec, task } from './machine.ts'

const lifecycle = suite('the life of an allocation')
const id = 'web.0.00000000'

function machineWith(overrides: { [field: string]: unknown } = {}): Machine {
  const machine = new Machine()
  machine.putJob(spec(overrides))
  machine.start()
  return machine
}

function place(machine: Machine): string[] {
  return machine.step((out) =>
    machine.host.onPlaceRequest('m2', machine.request(), machine.now, out),
  )
}

lifecycle('a service from request to stop', () => {
  const check = { type: 'http', port: 'http' }
  const machine = machineWith({
    tasks: [task({ ports: [{ name: 'http' }], checks: [check] })],
    services: [{ name: 'site', port: 'http' }],
  })
  assert.equal(place(machine), [`reserve-ports ${id} http=?`, `notify ${id} pending`])
  assert.equal(machine.reserved(`reserve-ports ${id} http=?`, { http: 20_001 }), [
    `start-task ${id} server`,
    `notify ${id} starting`,
  ])
  assert.equal(machine.started(id), [`watch-checks ${id} server`, `notify ${id} running`])
  assert.equal(machine.host.runningServices(), [])
  assert.equal(machine.checked(id, true), [`notify ${id} running healthy`])
  assert.equal(machine.host.runningServices(), ['site'])
  const { ports, tasks, runningSince } = machine.body(id)
  assert.equal(ports, { http: 20_001 })
  assert.is(tasks[0]!.pid, 100)
  assert.is(runningSince, machine.now)
  machine.deleteJob('web')
  assert.equal(
    machine.lastEffects.map((effect) => effect.type),
    ['unwatch-checks', 'stop-task', 'notify'],
  )
  assert.is(machine.body(id).state, 'stopping')
  assert.equal(machine.host.runningServices(), [])
  assert.equal(machine.stopped(id), [
    `release-ports ${id}`,
    `notify ${id} complete (its job is gone)`,
  ])
  assert.is(machine.committedCpu(), 0)
})

lifecycle('without ports and checks it starts at once and is healthy when it runs', () => {
  const machine = machineWith()
  assert.equal(place(machine), [`start-task ${id} server`, `notify ${id} starting`])
  assert.equal(machine.started(id), [`notify ${id} running healthy`])
})

lifecycle('the tasks of a group start together, in order, and it runs when all do', () => {
  const machine = machineWith({ tasks: [task(), task({ name: 'sidecar' })] })
  assert.equal(place(machine), [
    `start-task ${id} server`,
    `start-task ${id} sidecar`,
    `notify ${id} starting`,
  ])
  assert.equal(machine.started(id, 'sidecar'), [])
  assert.equal(machine.started(id), [`notify ${id} running healthy`])
})

lifecycle('each material change is one write', () => {
  const machine = machineWith()
  machine.writes.length = 0
  place(machine)
  machine.started(id)
  assert.is(machine.writes.length, 2)
  machine.settle()
  machine.after(1000)
  assert.is(machine.writes.length, 2)
})

lifecycle('a service that exits is restarted after a back-off that doubles', () => {
  const machine = machineWith({ restart: { attempts: 3, delay: '1s', delayMax: '3s' } })
  machine.run()
  for (const delayMs of [1000, 2000, 3000]) {
    machine.exited(id, 0)
    assert.is(machine.body(id).tasks[0]!.state, 'backing-off')
    assert.is(machine.body(id).state, 'running')
    assert.not(machine.body(id).healthy)
    const { afterMs, effects } = machine.toDeadline()
    assert.is(afterMs, delayMs)
    assert.equal(effects, [`start-task ${id} server`])
    machine.started(id)
    assert.ok(machine.body(id).healthy)
  }
  assert.is(machine.body(id).tasks[0]!.restarts, 3)
  assert.equal(machine.exited(id, 1), [`notify ${id} failed (server: exited with 1)`])
})

lifecycle('failures count for the window only', () => {
  const machine = machineWith({ restart: { attempts: 1, window: '10s', delay: '1s' } })
  machine.run()
  for (let i = 0; i < 5; i++) {
    machine.exited(id, 1)
    assert.is(machine.body(id).state, 'running')
    machine.toDeadline()
    machine.started(id)
    machine.now += 10_000
  }
})

lifecycle('when one task gives up the others are stopped', () => {
  const machine = machineWith({
    tasks: [task(), task({ name: 'sidecar', ports: [{ name: 'http' }] })],
    restart: { attempts: 0 },
  })
  place(machine)
  machine.reserved(`reserve-ports ${id} http=?`, { http: 20_001 })
  machine.started(id)
  machine.started(id, 'sidecar')
  assert.equal(machine.exited(id, 2), [
    `stop-task ${id} sidecar`,
    `notify ${id} stopping (server: exited with 2)`,
  ])
  assert.is(machine.committedCpu(), 200, 'what may run is counted')
  assert.equal(machine.stopped(id, 'sidecar'), [
    `release-ports ${id}`,
    `notify ${id} failed (server: exited with 2)`,
  ])
  assert.is(machine.committedCpu(), 0)
})

lifecycle('a batch is complete when all its tasks have exited with 0', () => {
  const machine = machineWith({ type: 'batch', tasks: [task(), task({ name: 'other' })] })
  machine.run()
  assert.equal(machine.exited(id, 0), [])
  assert.is(machine.body(id).tasks[0]!.state, 'exited')
  assert.equal(machine.exited(id, 0, 'other'), [`notify ${id} complete`])
  machine.after(10_000_000)
  assert.ok(machine.has(id), 'it is remembered as long as its job')
})

lifecycle('a batch that fails is restarted, then fails', () => {
  const machine = machineWith({ type: 'batch', restart: { attempts: 1 } })
  machine.run()
  machine.exited(id, 1)
  assert.equal(machine.toDeadline().effects, [`start-task ${id} server`])
  machine.started(id)
  assert.equal(machine.exited(id, 1), [`notify ${id} failed (server: exited with 1)`])
})

lifecycle('a batch that is stopped has not done its work', () => {
  const machine = machineWith({ type: 'batch' })
  machine.run()
  const request = { type: 'stop-request', allocation: id, reason: 'drain' } as const
  machine.step((out) => machine.host.onStopRequest('m2', request, machine.now, out))
  assert.equal(machine.stopped(id, 'server', 0), [`notify ${id} failed (drain)`])
})

lifecycle('who is to stop unless it is healthy stops unless it is healthy', () => {
  const unlessHealthy = { type: 'stop-request', allocation: id, unlessHealthy: true } as const
  const request = { ...unlessHealthy, reason: 'replaced' }
  const healthy = machineWith()
  healthy.run()
  assert.is(healthy.body(id).healthy, true)
  healthy.step((out) => healthy.host.onStopRequest('m2', request, healthy.now, out))
  assert.is(healthy.body(id).state, 'running')
  const starting = machineWith()
  place(starting)
  starting.step((out) => starting.host.onStopRequest('m2', request, starting.now, out))
  assert.is(starting.body(id).state, 'stopping')
})

lifecycle('a start that surely failed counts as a failure, with its reason', () => {
  const machine = machineWith({ restart: { attempts: 1 } })
  place(machine)
  machine.failed(`start-task ${id} server`, { detail: 'no Docker engine answers' })
  assert.is(machine.body(id).tasks[0]!.reason, 'no Docker engine answers')
  assert.equal(machine.toDeadline().effects, [`start-task ${id} server`])
  machine.failed(`start-task ${id} server`, { detail: 'no Docker engine answers' })
  assert.is(machine.body(id).state, 'failed')
  assert.is(machine.body(id).reason, 'server: no Docker engine answers')
})

lifecycle('a start of which nothing is known is stopped before it is tried again', () => {
  const machine = machineWith()
  place(machine)
  assert.equal(machine.failed(`start-task ${id} server`, { definite: false }), [
    `stop-task ${id} server`,
  ])
  machine.stopped(id)
  assert.is(machine.body(id).tasks[0]!.reason, 'did not work')
  assert.equal(machine.toDeadline().effects, [`start-task ${id} server`])
})

lifecycle('what only the disk refused is tried again and is no failure', () => {
  const machine = machineWith({ tasks: [task({ ports: [{ name: 'http' }] })] })
  place(machine)
  const refused = { code: 'not-durable' }
  machine.failed(`reserve-ports ${id} http=?`, refused)
  assert.equal(machine.toDeadline(), { afterMs: 1000, effects: [`reserve-ports ${id} http=?`] })
  machine.reserved(`reserve-ports ${id} http=?`, { http: 20_001 })
  machine.failed(`start-task ${id} server`, refused)
  assert.equal(machine.after(1000), [`start-task ${id} server`])
  machine.started(id)
  const { restarts, reason } = machine.body(id).tasks[0]!
  assert.equal({ restarts, reason }, { restarts: 0, reason: null })
})

lifecycle('after the disk has recovered the checks are watched again', () => {
  const machine = machineWith({
    tasks: [task({ checks: [{ type: 'command', command: ['true'] }] })],
  })
  machine.run()
  machine.canPersist = false
  machine.host.availability(machine.now)
  assert.equal(machine.after(1000), [])
  machine.canPersist = true
  assert.equal(machine.after(1000), [`watch-checks ${id} server`])
})

lifecycle('ports that can not be had fail the allocation', () => {
  const machine = machineWith({ tasks: [task({ ports: [{ name: 'http', host: 80 }] })] })
  place(machine)
  machine.failed(`reserve-ports ${id} http=80`, { detail: 'port 80 is in use' })
  assert.is(machine.body(id).state, 'failed')
  assert.is(machine.body(id).reason, 'ports: port 80 is in use')
})

lifecycle('a stop does not wait for the start, and ends only when nothing can run', () => {
  const machine = machineWith()
  place(machine)
  machine.deleteJob('web')
  assert.is(machine.body(id).state, 'stopping')
  machine.stopped(id)
  assert.is(machine.body(id).state, 'stopping', 'the start may still come')
  assert.equal(machine.started(id), [`stop-task ${id} server`])
  machine.stopped(id)
  assert.is(machine.body(id).state, 'complete')
})

lifecycle('a stop that fails is tried until it works', () => {
  const machine = machineWith()
  machine.run()
  machine.deleteJob('web')
  for (const delayMs of [1000, 2000, 4000]) {
    machine.failed(`stop-task ${id} server`, { definite: false })
    assert.equal(machine.toDeadline(), { afterMs: delayMs, effects: [`stop-task ${id} server`] })
  }
  assert.is(machine.committedCpu(), 100)
  machine.stopped(id)
  assert.is(machine.committedCpu(), 0)
})

lifecycle('a task that ends before its start is answered has ended', () => {
  const machine = machineWith({ restart: { attempts: 0 } })
  place(machine)
  machine.exited(id, 1)
  assert.equal(machine.started(id), [`notify ${id} failed (server: exited with 1)`])
})

lifecycle('an exit while it stops is part of the stop', () => {
  const machine = machineWith()
  machine.run()
  machine.deleteJob('web')
  assert.equal(machine.exited(id, 7), [])
  machine.stopped(id, 'server', null)
  assert.is(machine.body(id).tasks[0]!.exitCode, 7)
  assert.is(machine.body(id).state, 'complete')
})

lifecycle.run()

const health = suite('health')
const checked = {
  tasks: [task({ checks: [{ type: 'command', command: ['true'], grace: '20s' }] })],
}

health('a check may fail during its grace, not after it', () => {
  const machine = machineWith(checked)
  machine.run()
  machine.now += 5000
  assert.equal(machine.checked(id, false), [])
  const { afterMs, effects } = machine.toDeadline()
  assert.is(afterMs, 15_000)
  assert.equal(effects, [`unwatch-checks ${id} server`, `stop-task ${id} server`])
  machine.stopped(id)
  assert.is(machine.body(id).tasks[0]!.reason, 'its command check failed')
  assert.is(machine.body(id).tasks[0]!.state, 'backing-off')
})

health('one that passes within the grace is healthy', () => {
  const machine = machineWith(checked)
  machine.run()
  machine.checked(id, false)
  machine.checked(id, true)
  machine.after(60_000)
  assert.ok(machine.body(id).healthy)
})

health('once it has passed, a failing check restarts the task at once', () => {
  const machine = machineWith(checked)
  machine.run()
  machine.checked(id, true)
  assert.equal(machine.checked(id, false), [
    `unwatch-checks ${id} server`,
    `stop-task ${id} server`,
    `notify ${id} running`,
  ])
  machine.stopped(id)
  machine.toDeadline()
  assert.equal(machine.started(id), [`watch-checks ${id} server`])
  assert.not(machine.body(id).healthy)
})

health('a service that is never healthy has failed by its deadline', () => {
  const machine = machineWith({ ...checked, update: { healthyDeadline: '30s' } })
  machine.run()
  const { afterMs } = machine.toDeadline()
  assert.is(afterMs, 30_000)
  machine.stopped(id)
  assert.is(machine.body(id).state, 'failed')
  assert.is(machine.body(id).reason, 'not healthy in time')
})

health('one that was healthy is given all its restarts', () => {
  const machine = machineWith({ ...checked, update: { healthyDeadline: '30s' } })
  machine.run()
  machine.checked(id, true)
  machine.after(60_000)
  assert.is(machine.body(id).state, 'running')
})

health.run()
