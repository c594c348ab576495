/** The histogram against sorted numbers: each quantile within a sixteenth, counts and sums exact. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Histogram } from '../../../sim/metrics/histogram.ts'

const histogram = suite('sim/metrics/histogram')

const values = fc.array(
  fc.oneof(fc.nat(40), fc.nat(5_000_000), fc.integer({ min: 0, max: 86_400_000_000 })),
  { minLength: 1, maxLength: 200 },
)

histogram('quantiles are within a sixteenth of the truth', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 1_000_000 }), (drawn, ppm) => {
      const held = new Histogram()
      for (const value of drawn) held.add(value)
      const sorted = [...drawn].sort((a, b) => a - b)
      const truth = sorted[Math.max(1, Math.ceil((drawn.length * ppm) / 1_000_000)) - 1]!
      const told = held.quantile(ppm)!
      assert.ok(told >= truth, `${told} for ${truth}`)
      assert.ok(told - truth <= truth / 16, `${told} for ${truth}`)
    }),
  )
})

histogram('buckets hold all, in order, each within its edges', () => {
  fc.assert(
    fc.property(values, (drawn) => {
      const held = new Histogram()
      for (const value of drawn) held.add(value)
      const filled = held.filled()
      assert.is(
        filled.reduce((sum, [, , count]) => sum + count, 0),
        drawn.length,
      )
      for (const [from, below, count] of filled)
        assert.is(drawn.filter((value) => value >= from && value < below).length, count)
      assert.is(held.max, Math.max(...drawn))
      assert.is(
        held.sum,
        drawn.reduce((sum, value) => sum + value, 0),
      )
    }),
  )
})

histogram('of nothing there is no quantile', () => {
  assert.is(new Histogram().quantile(500_000), undefined)
})

histogram.run()
