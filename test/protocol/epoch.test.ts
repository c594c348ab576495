/** Nothing is said before the epoch is durable; what arrived meanwhile is not lost, up to a bound. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Effect } from '../../protocol/effect.ts'
import { Epoch } from '../../protocol/epoch.ts'
import type { Event } from '../../protocol/event.ts'
import { limits } from '../../protocol/limits.ts'

const epoch = suite('epoch')

function startWith(journal: { key: string; value: number }[]) {
  const out: Effect[] = []
  let id = 0
  const state = new Epoch(journal)
  const hold = (event: Event, now = 0) => {
    out.length = 0
    return state.hold(event, () => ++id, now, out)
  }
  return { state, out, hold }
}

const opened: Event = { type: 'link-opened', member: 'm2' }
const write = (value: number, id: number) => {
  return { type: 'persist', id, writes: [{ key: 'self/epoch', value }] }
}

epoch('counts the starts', () => {
  assert.is(startWith([]).state.value, 1)
  assert.is(startWith([{ key: 'self/epoch', value: 6 }]).state.value, 7)
})

epoch('is written first, and holds events until it is durable', () => {
  const { state, out, hold } = startWith([])
  assert.equal(hold({ type: 'tick' }), [])
  assert.equal(out, [write(1, 1)])
  assert.equal(hold(opened), [])
  assert.equal(out, [])
  assert.not.ok(state.isDurable)
  assert.equal(hold({ type: 'persisted', id: 1 }), [opened])
  assert.ok(state.isDurable)
})

epoch('is tried again when the disk refuses', () => {
  const { state, out, hold } = startWith([])
  hold({ type: 'tick' })
  const failed: Event = {
    type: 'effect-failed',
    id: 1,
    code: 'disk-full',
    detail: '',
    definite: true,
  }
  hold(failed, 10)
  assert.equal(out, [
    { type: 'notify', notification: { type: 'storage-failed', code: 'disk-full' } },
  ])
  assert.is(state.deadline, 1010)
  hold({ type: 'tick' }, 1009)
  assert.equal(out, [])
  hold({ type: 'tick' }, 1010)
  assert.equal(out, [write(1, 2)])
  hold({ type: 'persisted', id: 2 }, 1011)
  assert.ok(state.isDurable)
})

epoch('holds a bounded number of events', () => {
  const { hold } = startWith([])
  hold({ type: 'tick' })
  for (let i = 0; i < limits.heldEvents + 10; i++) hold(opened)
  assert.is(hold({ type: 'persisted', id: 1 }).length, limits.heldEvents)
})

epoch.run()
