/** The deadline table against a dumb oracle: a plain map that is searched. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Deadlines, earliest } from '../../../protocol/base/deadline.ts'
import { sortedEntries } from '../../../protocol/base/order.ts'

const deadline = suite('base/deadline')

const act = fc.oneof(
  fc.record({ type: fc.constant('set'), key: fc.constantFrom(...'abcdefghijkl'), at: fc.nat(20) }),
  fc.record({
    type: fc.constant('clear'),
    key: fc.constantFrom(...'abcdefghijkl'),
    at: fc.nat(0),
  }),
  fc.record({ type: fc.constant('take'), key: fc.constant(''), at: fc.nat(20) }),
)

deadline('behaves as a map that is searched for its least entry', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
      const table = new Deadlines()
      const oracle = new Map<string, number>()
      for (const { type, key, at } of acts) {
        if (type === 'set') table.set(key, at)
        if (type === 'set') oracle.set(key, at)
        if (type === 'clear') table.clear(key)
        if (type === 'clear') oracle.delete(key)
        if (type === 'take') assert.is(table.takeDue(at), takeFrom(oracle, at))
        assert.is(table.next(), oracle.size === 0 ? undefined : Math.min(...oracle.values()))
      }
    }),
  )
})

function takeFrom(oracle: Map<string, number>, now: number): string | undefined {
  const due = sortedEntries(oracle)
    .filter(([, at]) => at <= now)
    .sort(([, a], [, b]) => a - b)[0]?.[0]
  if (due !== undefined) oracle.delete(due)
  return due
}

deadline('setEarliest never moves a deadline away', () => {
  const table = new Deadlines()
  table.set('a', 5)
  table.setEarliest('a', 9)
  assert.is(table.next(), 5)
  table.setEarliest('a', 2)
  assert.is(table.next(), 2)
})

deadline('the earliest of several, where some have none', () => {
  assert.is(earliest(undefined, 5, 3, undefined), 3)
  assert.is(earliest(undefined, undefined), undefined)
})

deadline.run()
