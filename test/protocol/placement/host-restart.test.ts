import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ObservedTask } from '../../../protocol/event.ts'
import { allocationKey } from '../../../protocol/placement/allocation.ts'
import { Machine, node, spec, task } from './machine.ts'

const restart = suite('the restart of an agent')
const id = 'web.0.00000000'

/** A machine with one allocation that runs, and the agent after it that finds `observed`. */
function lifeAfter(
  job: { [field: string]: unknown },
  observed: readonly ObservedTask[],
  act: (machine: Machine) => void = (machine) => void machine.run(),
): { machine: Machine; effects: string[] } {
  const before = new Machine()
  before.putJob(spec(job))
  before.start()
  act(before)
  const machine = new Machine({ records: before.records, now: before.now + 5000 })
  return { machine, effects: machine.start(observed) }
}

function found(overrides: Partial<ObservedTask> = {}): ObservedTask {
  const ports = {}
  return {
    allocation: id,
    task: 'server',
    running: true,
    pid: 100,
    containerId: null,
    ports,
    exitCode: null,
    ...overrides,
  }
}

restart('what runs is adopted: no second start, no write, and it stays healthy', () => {
  const { machine, effects } = lifeAfter({}, [found()])
  assert.equal(effects, [])
  assert.equal(machine.writes, [])
  const { state, healthy, tasks } = machine.body(id)
  assert.equal([state, healthy, tasks[0]!.pid], ['running', true, 100])
  assert.is(machine.committedCpu(), 100)
})

restart('its checks are watched again and count as passing until they fail', () => {
  const job = { tasks: [task({ checks: [{ type: 'command', command: ['true'] }] })] }
  const { machine, effects } = lifeAfter(job, [found()], (before) => {
    before.run()
    before.checked(id, true)
  })
  assert.equal(effects, [`watch-checks ${id} server`])
  assert.ok(machine.body(id).healthy)
  machine.checked(id, false)
  assert.not(machine.body(id).healthy)
  machine.idOf(`stop-task ${id} server`)
})

restart('its ports are kept', () => {
  const job = { tasks: [task({ ports: [{ name: 'http' }] })] }
  const { machine, effects } = lifeAfter(job, [found({ ports: { http: 20_007 } })], (before) => {
    before.place()
    before.reserved(`reserve-ports ${id} http=?`, { http: 20_007 })
    before.started(id)
  })
  assert.equal(effects, [])
  assert.equal(machine.body(id).ports, { http: 20_007 })
})

restart('a start whose answer was lost is found', () => {
  const { machine, effects } = lifeAfter({}, [found({ pid: 77 })], (before) => void before.place())
  assert.equal(effects, [`notify ${id} running healthy`])
  assert.is(machine.body(id).tasks[0]!.pid, 77)
})

restart('after a reboot nothing runs: it is started again in place, at the same ports', () => {
  const job = { tasks: [task({ ports: [{ name: 'http' }] })] }
  const { machine, effects } = lifeAfter(job, [], (before) => {
    before.place()
    before.reserved(`reserve-ports ${id} http=?`, { http: 20_007 })
    before.started(id)
  })
  assert.equal(effects, [
    `release-ports ${id}`,
    `reserve-ports ${id} http=20007`,
    `notify ${id} running`,
  ])
  machine.reserved(`reserve-ports ${id} http=20007`, { http: 20_007 })
  assert.equal(machine.toDeadline().effects, [`start-task ${id} server`])
  machine.started(id)
  const { restarts, state } = machine.body(id).tasks[0]!
  assert.equal({ restarts, state }, { restarts: 1, state: 'running' })
})

restart('what ended meanwhile has ended with its code', () => {
  const { machine } = lifeAfter({ type: 'batch' }, [found({ running: false, exitCode: 0 })])
  assert.is(machine.body(id).state, 'complete')
  const other = lifeAfter({ restart: { attempts: 0 } }, [found({ running: false, exitCode: 3 })])
  const { state, reason } = other.machine.body(id)
  assert.is(state, 'failed')
  assert.is(reason, 'server: exited with 3 while the agent was away')
})

restart('what was only admitted goes on', () => {
  const job = { tasks: [task({ ports: [{ name: 'http' }] })] }
  const { effects } = lifeAfter(job, [], (before) => void before.place())
  assert.equal(effects, [`reserve-ports ${id} http=?`])
})

restart('a stop goes on', () => {
  const { machine, effects } = lifeAfter({}, [found()], (before) => {
    before.run()
    before.put('job/web/count', { count: 0 })
    before.settle()
  })
  assert.equal(effects, [`stop-task ${id} server`])
  machine.stopped(id)
  assert.is(machine.body(id).state, 'complete')
})

restart('a failure that was being stopped ends as one', () => {
  const job = { restart: { attempts: 0 }, tasks: [task(), task({ name: 'sidecar' })] }
  const { machine } = lifeAfter(job, [found({ task: 'sidecar' })], (before) => {
    before.run()
    before.exited(id, 1)
  })
  machine.stopped(id, 'sidecar')
  assert.is(machine.body(id).state, 'failed')
})

restart('what no record explains is stopped and removed, and nothing is taken before', () => {
  const machine = new Machine()
  machine.putJob(spec())
  const orphan = found({ allocation: 'old.0.12345678' })
  assert.equal(machine.start([orphan, found({ allocation: 'x.0.12345678', running: false })]), [
    'stop-task old.0.12345678 server',
    'remove-allocation x.0.12345678',
  ])
  assert.is(machine.place().reason, 'still looking for the tasks of an earlier agent')
  machine.failed('stop-task old.0.12345678 server')
  assert.equal(machine.toDeadline().effects, ['stop-task old.0.12345678 server'])
  assert.equal(machine.stopped('old.0.12345678'), ['remove-allocation old.0.12345678'])
  assert.is(machine.place().reason, null)
})

restart('what ended on paper but runs is stopped; its logs stay as long as its record', () => {
  const { effects, machine } = lifeAfter({ restart: { attempts: 0 } }, [found()], (before) => {
    before.run()
    before.exited(id, 1)
  })
  assert.equal(effects, [`stop-task ${id} server`])
  assert.equal(machine.stopped(id), [])
})

restart('an edit while the agent was away does not lose what it runs', () => {
  const before = new Machine()
  before.putJob(spec())
  before.start()
  before.run()
  const machine = new Machine({ records: before.records, now: before.now })
  machine.putJob(spec({ tasks: [task({ env: { NEW: '1' } })] }), 2)
  machine.start([found()])
  assert.is(machine.body(id).state, 'running')
  machine.exited(id, 1)
  assert.is(machine.body(id).state, 'failed', 'how to start its version is not known any more')
})

restart('a disk that was lost: what others remember of it has failed', () => {
  const before = new Machine()
  before.putJob(spec())
  before.start()
  before.run()
  const machine = new Machine()
  machine.putJob(spec())
  machine.start([found()])
  machine.stopped(id)
  machine.put(allocationKey('m1', id), before.records.get(allocationKey('m1', id))!.body)
  assert.equal(machine.settle(), [`notify ${id} failed (the node lost its record)`])
  assert.is(machine.committedCpu(), 0)
})

/** A container that an agent left, and the agent after it, for which the engine does not answer yet. */
function lifeWithoutEngine(): { machine: Machine; effects: string[]; container: ObservedTask } {
  const both = node({ runtimes: ['process', 'docker'] })
  const checks = [{ type: 'http', port: 'http' }]
  const container = {
    docker: { image: 'x' },
    process: undefined,
    ports: [{ name: 'http' }],
    checks,
  }
  const before = new Machine({ node: both })
  before.putJob(spec({ tasks: [task(container)] }))
  before.start()
  before.place()
  before.reserved(`reserve-ports ${id} http=?`, { http: 20_007 })
  before.started(id)
  before.checked(id, true)
  const machine = new Machine({ records: before.records, now: before.now + 5000, node: both })
  const effects = machine.start([], ['docker'])
  return { machine, effects, container: found({ ports: { http: 20_007 } }) }
}

restart('what an engine that does not answer yet may run is left alone until it does', () => {
  const { machine, effects, container } = lifeWithoutEngine()
  assert.equal(effects, [`watch-checks ${id} server`])
  assert.equal(machine.writes, [])
  assert.equal(machine.after(60_000), [])
  assert.is(machine.committedCpu(), 100)
  assert.equal(machine.observe([container]), [])
  assert.equal(machine.writes, [])
  const { state, healthy, tasks } = machine.body(id)
  assert.equal([state, healthy, tasks[0]!.restarts], ['running', true, 0])
  assert.equal(machine.observe([]), [], 'once is enough')
})

restart('what such an engine turns out not to run is started again, at the same ports', () => {
  const { machine } = lifeWithoutEngine()
  const effects = machine.observe([found({ running: false, exitCode: 137 })])
  assert.ok(effects.includes(`release-ports ${id}`), effects.join())
  machine.reserved(`reserve-ports ${id} http=20007`, { http: 20_007 })
  assert.equal(machine.toDeadline().effects, [`start-task ${id} server`])
  machine.started(id)
  assert.is(machine.body(id).tasks[0]!.restarts, 1)
})

restart('a check that fails meanwhile, or a stop, is carried out once the engine answers', () => {
  const failing = lifeWithoutEngine().machine
  failing.checked(id, false)
  failing.failed(`stop-task ${id} server`, { code: 'engine-unavailable' })
  failing.observe([found({ ports: { http: 20_007 } })])
  assert.equal(failing.toDeadline().effects, [`stop-task ${id} server`])
  failing.stopped(id)
  assert.equal(failing.toDeadline().effects, [`start-task ${id} server`])

  const unwanted = lifeWithoutEngine().machine
  unwanted.deleteJob('web')
  unwanted.failed(`stop-task ${id} server`, { code: 'engine-unavailable' })
  unwanted.observe([])
  assert.is(unwanted.body(id).state, 'complete')
})

restart('what no record explains is also stopped when it is found late', () => {
  const { machine } = lifeWithoutEngine()
  const orphan = found({ allocation: 'old.0.12345678' })
  assert.equal(machine.observe([found(), orphan]), ['stop-task old.0.12345678 server'])
})

restart('kept tasks are left alone, and the node says until when', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.start()
  machine.run()
  assert.equal(
    machine.step((out) => machine.host.leave(true, machine.now, out)),
    [],
  )
  assert.ok(machine.host.isQuiet())
  const node = machine.records.get('node/m1')!.body as { awayUntil?: number }
  assert.is(node.awayUntil, machine.now + 60_000)
  machine.deleteJob('web')
  assert.is(machine.body(id).state, 'running')
})

restart('a node that leaves stops everything first', () => {
  const machine = new Machine()
  machine.putJob(spec())
  machine.start()
  machine.run()
  assert.equal(
    machine.step((out) => machine.host.leave(false, machine.now, out)),
    [`stop-task ${id} server`, `notify ${id} stopping (the node is leaving)`],
  )
  assert.not(machine.host.isQuiet())
  machine.stopped(id)
  assert.ok(machine.host.isQuiet())
})

restart.run()
