/** How long to wait is learned from how long answers take. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Patience } from '../../../protocol/base/patience.ts'

const patience = suite('base/patience')

function after(...took: number[]): number {
  const learned = new Patience()
  for (const ms of took) learned.observe(ms)
  return learned.atLeast(500)
}

const many = (ms: number) => Array.from({ length: 40 }, () => ms)

patience('quick answers leave it at the least', () => {
  assert.is(after(), 500)
  assert.is(after(...many(3)), 500)
})

patience('slow answers teach it to wait longer than they take, and quick ones to stop', () => {
  const slow = after(...many(3000))
  assert.ok(slow >= 3000 && slow < 4000, `${slow}`)
  assert.ok(after(...many(5), 3000) > 1000)
  assert.is(after(...many(3000), ...many(5), ...many(5)), 500)
})

patience('whatever it sees it stays a whole number within bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1_000_000 })), (took) => {
      const wait = after(...took)
      assert.ok(Number.isSafeInteger(wait) && wait >= 500 && wait <= 120_000, `${wait}`)
    }),
  )
})

patience.run()
