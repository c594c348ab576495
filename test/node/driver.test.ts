import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Driver } from '../../node/driver.ts'
import { EventQueue } from '../../node/event-queue.ts'
import { Fifo } from '../../node/fifo.ts'
import { InvariantError } from '../../protocol/base/invariant.ts'
import type { Core } from '../../protocol/core.ts'
import type { Effect } from '../../protocol/effect.ts'
import type { Event } from '../../protocol/event.ts'
import { limits } from '../../protocol/limits.ts'
import type { Command } from '../../protocol/request.ts'
import type { ClusterView } from '../../protocol/view.ts'

const driving = suite('driver')

const command: Command = { type: 'stop-allocation', allocation: 'a' }

function remote(from: string): Event {
  return { type: 'message-refused', from, reason: 'malformed', detail: '' }
}

function probe(from: string): Event {
  return { type: 'message-received', from, message: { type: 'claim', updates: [] } }
}

/** A core that does what the test says at each event. */
function coreOf(onEvent: (event: Event, now: number) => Effect[] | undefined): Core & {
  deadlineAt: number | undefined
} {
  return {
    deadlineAt: undefined,
    step: (event, now) => onEvent(event, now) ?? [],
    stepInto: () => undefined,
    deadline() {
      return this.deadlineAt
    },
    view: () => ({}) as ClusterView,
  }
}

interface Rig {
  driver: Driver
  performed: Effect[][]
  bugs: unknown[]
}

function rig(clock = { now: () => 1000 }): Rig {
  const performed: Effect[][] = []
  const bugs: unknown[] = []
  const driver = new Driver({
    clock,
    perform: (effects) => performed.push([...effects]),
    onBug: (error) => bugs.push(error),
  })
  return { driver, performed, bugs }
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5000
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

driving(
  'what is owed and the failure detector come first, then messages and requests in turn',
  async () => {
    const seen: string[] = []
    const { driver } = rig()
    for (const from of ['m1', 'm2', 'm3']) driver.receive(remote(from), 10)
    void driver.request(command)
    void driver.request(command)
    driver.receive(probe('m4'), 10)
    driver.tell({ type: 'persisted', id: 1 })
    driver.tell({ type: 'persisted', id: 2 })
    driver.start(
      coreOf((event) => {
        seen.push('from' in event ? event.from : 'id' in event ? `${event.id}` : event.type)
        return undefined
      }),
    )
    await until(() => seen.length === 9)
    const requests = 'request-received'
    assert.equal(seen, ['m4', '1', '2', 'tick', 'm1', requests, 'm2', requests, 'm3'])
  },
)

driving('the core is told when an event arrived, not when its turn came', async () => {
  let now = 1000
  const { driver } = rig({ now: () => now })
  const seen: number[] = []
  driver.tell({ type: 'persisted', id: 1 })
  now = 5000
  driver.start(
    coreOf((_event, at) => {
      seen.push(at)
      return undefined
    }),
  )
  await until(() => seen.length === 2)
  assert.equal(seen, [1000, 5000])
})

driving('effects are performed after each step, in order', async () => {
  const { driver, performed } = rig()
  const stop: Effect = { type: 'stop-agent' }
  driver.start(coreOf((event) => (event.type === 'tick' ? [stop, stop] : [stop])))
  driver.tell({ type: 'persisted', id: 1 })
  await until(() => performed.length === 2)
  assert.equal(performed, [[stop, stop], [stop]])
  assert.is(driver.counters.steps, 2)
  assert.is(driver.counters.effects, 3)
})

driving('a request is answered by its reply, once', async () => {
  const { driver } = rig()
  const asked: number[] = []
  driver.start(
    coreOf((event) => {
      if (event.type === 'request-received') asked.push(event.request)
      return undefined
    }),
  )
  const answer = driver.request(command)
  await until(() => asked.length === 1)
  const reply = { ok: true, created: true, id: 'x', version: null, copies: 2 } as const
  driver.reply(asked[0]!, reply)
  driver.reply(asked[0]!, { ...reply, id: 'y' })
  assert.equal(await answer, reply)
  assert.is(driver.pendingRequests, 0)
})

driving('requests that are under way when it stops are told so, and later ones too', async () => {
  const { driver } = rig()
  const answer = driver.request(command)
  driver.stop()
  for (const reply of [await answer, await driver.request(command)])
    assert.is(reply.ok ? '' : reply.problem.code, 'leaving')
})

driving('a bug in the core stops it for good, and is told once', async () => {
  const { driver, bugs, performed } = rig()
  driver.start(
    coreOf(() => {
      throw new InvariantError('broken')
    }),
  )
  driver.tell({ type: 'tick' })
  await until(() => bugs.length > 0)
  driver.tell({ type: 'tick' })
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(bugs.length, 1)
  assert.equal(performed, [])
})

driving('a deadline is met by a tick, and a moved one by one tick', async () => {
  const { driver } = rig({ now: () => Date.now() })
  const ticks: number[] = []
  const core = coreOf((event, now) => {
    if (event.type === 'tick') ticks.push(now)
    core.deadlineAt = event.type === 'persisted' ? Date.now() + 30 : undefined
    return undefined
  })
  driver.start(core)
  await until(() => ticks.length === 1)
  driver.tell({ type: 'persisted', id: 1 })
  const dueAt = Date.now() + 29
  await until(() => ticks.length === 2)
  assert.ok(ticks[1]! >= dueAt)
  assert.is(core.deadline(), undefined)
})

driving('a timer that fires late says how slow the process is', async () => {
  const { driver } = rig({ now: () => Date.now() })
  const delays: number[] = []
  const core = coreOf((event) => {
    if (event.type === 'loop-delayed') delays.push(event.delayMs)
    core.deadlineAt = delays.length === 0 ? Date.now() + 10 : undefined
    return undefined
  })
  driver.start(core)
  await until(() => driver.counters.steps > 0)
  const busyUntil = performance.now() + 120
  while (performance.now() < busyUntil);
  await until(() => delays.length > 0)
  assert.ok(delays[0]! > 50, `${delays[0]}`)
})

driving('other work gets its turn while events come without end', async () => {
  const { driver } = rig()
  let steps = 0
  driver.start(
    coreOf(() => {
      steps++
      driver.tell({ type: 'tick' })
      return undefined
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 30))
  assert.ok(steps > 0)
  driver.stop()
})

driving('over its bound messages go first, then requests are refused', async () => {
  const { driver } = rig()
  for (let i = 0; i < limits.queuedEvents + 5; i++) driver.receive(remote('m'), 10)
  assert.is(driver.queued, limits.queuedEvents)
  assert.is(driver.dropped, 5)
  void driver.request(command)
  assert.is(driver.queued, limits.queuedEvents)
  assert.is(driver.dropped, 6)
  driver.tell({ type: 'tick' })
  assert.is(driver.queued, limits.queuedEvents + 1)
})

driving('a queue full of requests refuses the next, and nothing that is owed', () => {
  const queue = new EventQueue(3)
  const request: Event = { type: 'request-received', request: 1, command }
  assert.equal(
    [1, 2, 3, 4].map((at) => queue.push(request, at)),
    [true, true, true, false],
  )
  assert.is(queue.push(remote('m'), 5), false)
  assert.is(queue.push({ type: 'tick' }, 6), true)
  assert.is(queue.length, 4)
})

driving('a queue gives back what it was given, in order, however long', () => {
  const queue = new Fifo<number>()
  const out: number[] = []
  for (let i = 0; i < 10_000; i++) {
    queue.push(i)
    if (i % 3 !== 0) out.push(queue.shift()!)
  }
  const rest = [...queue]
  while (queue.length > 0) out.push(queue.shift()!)
  assert.equal(out.slice(-rest.length), rest)
  assert.equal(
    out,
    Array.from({ length: 10_000 }, (_, i) => i),
  )
  assert.is(queue.shift(), undefined)
})

driving.run()
