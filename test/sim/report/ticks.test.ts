/** Axes: from zero to at least the most, in a few round steps. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { logTicks, niceAxis, timeTicks } from '../../../sim/report/ticks.ts'

const ticks = suite('sim/report/ticks')

ticks('an axis holds the most, with three to six ticks', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (most) => {
      const axis = niceAxis(most, false)
      assert.ok(axis.max >= most * 0.999999, `${axis.max}`)
      assert.ok(axis.ticks.length >= 3 && axis.ticks.length <= 6, `${axis.ticks}`)
      assert.is(axis.ticks[0], 0)
    }),
  )
})

ticks('time has at most nine labels', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000_000, max: 2_000_000_000 }), (endUs) => {
      const shown = timeTicks(endUs * 50)
      assert.ok(shown.length <= 9 && shown.length >= 2)
      assert.is(new Set(shown.map(({ text }) => text)).size, shown.length)
    }),
  )
})

ticks('a logarithmic axis is labelled within its ends', () => {
  assert.equal(logTicks(1000, 90_000), [1000, 3000, 10_000, 30_000])
  assert.equal(logTicks(2, 9), [2, 3, 5, 7])
  assert.equal(logTicks(1, 1_000_000), [1, 10, 100, 1000, 10_000, 100_000, 1_000_000])
})

ticks.run()
