/** Quantities: what is written is what is counted, and it can be written again. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  bytesPerSecond,
  countRange,
  durationFrom,
  durationRangeUs,
  durationUs,
  shareFrom,
  sharePpm,
} from '../../../sim/scenario/quantity.ts'

const quantity = suite('sim/scenario/quantity')

const durations: [string, number][] = [
  ['1us', 1],
  ['1.5ms', 1500],
  ['0.001s', 1000],
  ['3.5s', 3_500_000],
  ['2m', 120_000_000],
  ['1.25h', 4_500_000_000],
]

for (const [text, us] of durations) quantity(text, () => assert.is(durationUs(text), us))

quantity('ranges, shares, bandwidths, counts', () => {
  assert.equal(durationRangeUs('200us..5ms'), { min: 200, max: 5000 })
  assert.equal(durationRangeUs('5ms'), { min: 5000, max: 5000 })
  assert.is(sharePpm('0.1%'), 1000)
  assert.is(sharePpm('100%'), 1_000_000)
  assert.is(sharePpm('0.0001%'), 1)
  assert.is(bytesPerSecond('10Gbit'), 1_250_000_000)
  assert.is(bytesPerSecond('1Kbit'), 125)
  assert.equal(countRange(5), { min: 5, max: 5 })
  assert.equal(countRange('1..8'), { min: 1, max: 8 })
})

quantity('what is counted can be written', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000), fc.nat(1_000_000), (us, ppm) => {
      assert.is(durationUs(durationFrom(us)), us)
      assert.is(sharePpm(shareFrom(ppm)), ppm)
    }),
  )
})

quantity.run()
