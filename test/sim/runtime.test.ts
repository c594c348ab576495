/** The runtimes' model: what runs, what the agent hears of it, and what the next agent finds. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check, type Schema } from '../../protocol/base/schema.ts'
import type { StartTask } from '../../protocol/effect.ts'
import type { EffectFailed } from '../../protocol/event.ts'
import { type JobSpec, jobSchema } from '../../protocol/placement/job.ts'
import { TestMachine } from './machine.ts'

const runtimes = suite('sim/runtime')

function start(id: number, task: object, slot = 0): StartTask {
  const checked = check(jobSchema as Schema<JobSpec>, {
    id: 'job',
    tasks: [{ name: 'main', ...task }],
  })
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues))
  const [spec] = checked.value.tasks
  const allocation = `job.${slot}.0000000${slot}`
  return { type: 'start-task', id, allocation, job: 'job', slot, task: spec!, ports: {} }
}

const sleep = (seconds: number) => ({ process: { command: ['sleep', String(seconds)] } })
const container = (image: string, args = ['serve']) => ({ docker: { image, args } })

function machineWith(failedPpm = 0): TestMachine {
  const machine = new TestMachine(7)
  machine.runtime.failedPpm = failedPpm
  return machine
}

runtimes('`sleep 5` ends after five seconds, and the agent is told', () => {
  const machine = machineWith()
  machine.performer.performAll([start(1, sleep(5))])
  machine.run(4_000_000)
  assert.is(machine.runtime.running().length, 1)
  machine.run(10_000_000)
  const [, exited] = machine.told
  assert.is(exited?.type, 'task-exited')
  assert.is(exited?.type === 'task-exited' && exited.exitCode, 0)
  assert.is(machine.runtime.running().length, 0)
  assert.is(machine.runtime.used().cpu, 0)
})

runtimes('an agent killed during a start leaves a task that the next one finds', () => {
  const machine = machineWith()
  machine.performer.performAll([start(1, sleep(600))])
  machine.run(1000)
  machine.killAgent()
  machine.run(60_000_000)
  machine.startAgent()
  assert.equal(machine.told, [])
  const [found] = machine.runtime.observe()
  assert.equal([found?.running, found?.task], [true, 'main'])
})

runtimes('what ended while no agent watched is found: only an engine knows how', () => {
  const machine = machineWith()
  const tasks = [start(1, sleep(5)), start(2, container('web', ['sleep', '5']), 1)]
  machine.performer.performAll(tasks)
  machine.run(60_000_000)
  machine.startAgent()
  const codes = (seen = machine.runtime.observe()) => seen.map((each) => each.exitCode)
  assert.equal(codes(), [0, 0], 'it was told')
  machine.performer.performAll(tasks.map((each) => ({ ...each, id: each.id + 10 })))
  machine.run(4_000_000)
  machine.killAgent()
  machine.run(60_000_000)
  machine.startAgent()
  assert.equal(codes(), [null, 0])
  assert.is(machine.runtime.counts.unwatched, 2)
})

runtimes('a power cut ends tasks and what was under way', () => {
  const machine = machineWith()
  machine.performer.performAll([start(1, sleep(600))])
  machine.run(5_000_000)
  machine.performer.performAll([start(2, sleep(600), 1)])
  machine.powerOff()
  machine.run(5_000_000)
  assert.equal(machine.runtime.running(), [])
})

runtimes('starts fail as often as the knob says, and an unknown one may run', () => {
  const machine = machineWith(500_000)
  const starts = 400
  for (let slot = 0; slot < starts; slot++)
    machine.performer.performAll([start(slot, sleep(600), slot)])
  machine.run(10_000_000)
  const failures = machine.told.filter(
    (each): each is EffectFailed => each.type === 'effect-failed',
  )
  const definite = failures.filter((each) => each.definite).length
  assert.ok(Math.abs(failures.length - starts / 2) < 60, String(failures.length))
  assert.ok(Math.abs(definite - failures.length / 2) < 50, String(definite))
  assert.is(machine.runtime.running().length, starts - definite)
  assert.is(machine.runtime.counts.refused, definite)
  assert.is(machine.runtime.counts.unknown, failures.length - definite)
})

runtimes('an engine that refuses, refuses', () => {
  const machine = machineWith()
  machine.runtime.refusedPpm = 1_000_000
  machine.performer.performAll([start(1, sleep(600))])
  machine.run(10_000_000)
  assert.is(machine.told[0]?.type, 'effect-failed')
  assert.is(machine.runtime.counts.refused, 1)
})

runtimes('an image is pulled once, and the second task waits for the same pull', () => {
  const machine = machineWith()
  machine.performer.performAll([start(1, container('web')), start(2, container('web'), 1)])
  machine.run(3_600_000_000)
  assert.equal(machine.runtime.images.counts, { pulls: 1, shared: 1 })
  const before = machine.nowUs
  machine.performer.performAll([start(3, container('web'), 2)])
  machine.run(10_000_000)
  assert.is(machine.told.length, 3)
  assert.ok(machine.nowUs - before <= 10_000_000)
})

runtimes('tasks crash at the mean that was asked for', () => {
  const machine = machineWith()
  machine.runtime.crashMeanUs = 100_000_000
  for (let slot = 0; slot < 500; slot++)
    machine.performer.performAll([start(slot, container('web'), slot)])
  machine.run(160_000_000)
  const gone = machine.runtime.counts.crashed / 500
  // 1 - exp(-t/mean), for up to a minute less of pulls.
  assert.ok(gone > 0.55 && gone < 0.85, String(gone))
})

runtimes.run()
