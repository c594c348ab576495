/**
 * What every performer of effects owes to the core, as tests: the agent's and the simulator's pass the same
 * ones, so that the model does not drift from what it models.
 */
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { check, type Schema } from '../protocol/base/schema.ts'
import type { Effect, Persist } from '../protocol/effect.ts'
import type { EffectFailed, Event } from '../protocol/event.ts'
import type { Message } from '../protocol/message.ts'
import { type JobSpec, jobSchema, type TaskSpec } from '../protocol/placement/job.ts'

export interface PerformerUnderTest {
  /** The effects of one step. */
  performAll(effects: readonly Effect[]): void
  /** Everything that the core was told, in order. */
  readonly told: readonly Event[]
  /** What reached the outside, in order: `send <to>`, `reply <request>`, `notify <type>`. */
  readonly acts: readonly string[]
  /** From now on the disk refuses writes. */
  breakDisk(): void
  /** Until nothing is under way. */
  settle(): Promise<void>
  /** Ends what runs. */
  close(): Promise<void>
}

type Answer = Extract<Event, { id: number }>

const allocation = 'job.0.00000001'
const message = { type: 'stop-request', allocation, reason: 'test' } as Message
const notified = { type: 'storage-recovered' } as const
const refusal = { ok: false, problem: { code: 'leaving', detail: 'test' } } as const

const send = (to: string): Effect => ({ type: 'send', to, message })
const persist = (id: number): Persist => ({
  type: 'persist',
  id,
  writes: [{ key: `key-${id}`, value: id }],
})

export function taskOf(command: readonly string[]): TaskSpec {
  const job = { id: 'job', tasks: [{ name: 'main', process: { command } }] }
  const checked = check(jobSchema as Schema<JobSpec>, job)
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues))
  return checked.value.tasks[0]!
}

const sleeper = taskOf(['sleep', '600'])

function start(id: number): Effect {
  return { type: 'start-task', id, allocation, job: 'job', slot: 0, task: sleeper, ports: {} }
}

function stop(id: number, task = 'main'): Effect {
  return { type: 'stop-task', id, allocation, task, graceMs: 1000 }
}

function answersTo(id: number, told: readonly Event[]): Answer[] {
  return told.filter((event): event is Answer => 'id' in event && event.id === id)
}

function answerTo(id: number, told: readonly Event[]): Answer {
  const answers = answersTo(id, told)
  assert.is(answers.length, 1, `effect ${id} has ${answers.length} answers`)
  return answers[0]!
}

/** Adds the tests to a suite; each has a performer of its own. */
export function performerContract(
  test: Test,
  create: () => Promise<PerformerUnderTest> | PerformerUnderTest,
): void {
  const law = (name: string, run: (performer: PerformerUnderTest) => Promise<void>) =>
    test(name, async () => {
      const performer = await create()
      try {
        await run(performer)
      } finally {
        await performer.close()
      }
    })

  law('a persist is answered once, by persisted', async (performer) => {
    performer.performAll([persist(1)])
    await performer.settle()
    assert.equal(performer.told, [{ type: 'persisted', id: 1 }])
  })

  law('the rest of a list waits for its persist, other lists do not', async (performer) => {
    performer.performAll([persist(1), send('later'), send('latest')])
    performer.performAll([send('now')])
    assert.equal(performer.acts, ['send now'])
    await performer.settle()
    assert.equal(performer.acts, ['send now', 'send later', 'send latest'])
  })

  law('lists that wait go on in the order of their steps', async (performer) => {
    for (const id of [1, 2, 3]) performer.performAll([persist(id), send(`m${id}`)])
    await performer.settle()
    assert.equal(performer.acts, ['send m1', 'send m2', 'send m3'])
    assert.equal(
      performer.told.map((event) => (event as Answer).id),
      [1, 2, 3],
    )
  })

  law('without the persist, nothing that depends on it happens', async (performer) => {
    performer.breakDisk()
    performer.performAll([
      persist(1),
      send('never'),
      start(2),
      { type: 'reply', request: 7, reply: refusal },
      { type: 'notify', notification: notified },
    ])
    performer.performAll([send('unaffected')])
    await performer.settle()
    assert.equal(performer.acts, ['send unaffected', 'reply 7', 'notify storage-recovered'])
    const unwritten = answerTo(1, performer.told) as EffectFailed
    // Its bytes may have reached the disk before it failed.
    assert.equal(
      [unwritten.type, unwritten.code, unwritten.definite],
      ['effect-failed', 'disk-full', false],
    )
    const failed = answerTo(2, performer.told) as EffectFailed
    assert.equal(
      [failed.type, failed.code, failed.definite],
      ['effect-failed', 'not-durable', true],
    )
  })

  law('a task is started once, however often it is asked for', async (performer) => {
    performer.performAll([start(1)])
    await performer.settle()
    performer.performAll([start(2)])
    await performer.settle()
    const [first, second] = [answerTo(1, performer.told), answerTo(2, performer.told)]
    assert.is(first.type, 'task-started')
    assert.equal({ ...second, id: 1 }, first)
  })

  law('asked for twice at once, a task is started once', async (performer) => {
    performer.performAll([start(1), start(2)])
    await performer.settle()
    const [first, second] = [answerTo(1, performer.told), answerTo(2, performer.told)]
    assert.is(first.type, 'task-started')
    assert.equal({ ...second, id: 1 }, first)
  })

  law('a stop that overtakes the start wins', async (performer) => {
    performer.performAll([start(1), stop(2)])
    await performer.settle()
    assert.is(answerTo(2, performer.told).type, 'task-stopped')
    assert.is(answersTo(1, performer.told).length, 1)
    performer.performAll([start(3)])
    await performer.settle()
    const [before, after] = [answerTo(1, performer.told), answerTo(3, performer.told)]
    assert.is(after.type, 'task-started')
    // Whether or not the first was told to have started, it is another process now.
    assert.not.equal({ ...after, id: 1 }, before)
  })

  law('a stop is answered when nothing runs, also when nothing ran', async (performer) => {
    performer.performAll([start(1)])
    await performer.settle()
    performer.performAll([stop(2), stop(3, 'never-there')])
    await performer.settle()
    for (const id of [2, 3]) assert.is(answerTo(id, performer.told).type, 'task-stopped')
  })

  law('ports differ, and a fixed one is given once', async (performer) => {
    const any = { name: 'a', host: null }
    performer.performAll([{ type: 'reserve-ports', id: 1, allocation, ports: [any] }])
    await performer.settle()
    const first = answerTo(1, performer.told)
    assert.is(first.type, 'ports-reserved')
    performer.performAll([{ type: 'reserve-ports', id: 4, allocation, ports: [any] }])
    await performer.settle()
    // Asked again, the same.
    assert.equal({ ...answerTo(4, performer.told), id: 1 }, first)
    const { a: host } = (first as Extract<Answer, { type: 'ports-reserved' }>).ports
    assert.ok(host)
    const ports = [{ name: 'b', host: host! }]
    performer.performAll([{ type: 'reserve-ports', id: 2, allocation: 'job.1.00000002', ports }])
    await performer.settle()
    const second = answerTo(2, performer.told) as EffectFailed
    assert.equal([second.type, second.code, second.definite], ['effect-failed', 'port-taken', true])
    performer.performAll([
      { type: 'release-ports', allocation },
      { type: 'reserve-ports', id: 3, allocation: 'job.1.00000002', ports },
    ])
    await performer.settle()
    assert.is(answerTo(3, performer.told).type, 'ports-reserved')
  })

  law('removing what is not there does no harm', async (performer) => {
    performer.performAll([
      { type: 'remove-allocation', allocation: 'job.9.00000009' },
      { type: 'release-ports', allocation: 'job.9.00000009' },
      { type: 'unwatch-checks', allocation: 'job.9.00000009', task: 'main' },
    ])
    await performer.settle()
    assert.equal(performer.told, [])
  })
}
