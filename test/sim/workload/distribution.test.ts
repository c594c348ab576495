/** What is drawn has the shape that it should, and the logarithm is one. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { dayCurvePpm, exponential, heavy, naturalLog } from '../../../sim/workload/distribution.ts'

const distribution = suite('sim/workload/distribution')

distribution('the logarithm agrees with the engine to the last digits', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-10, max: 1e10, noNaN: true }), (x) => {
      assert.ok(Math.abs(naturalLog(x) - Math.log(x)) <= 1e-14 * Math.max(1, Math.abs(Math.log(x))))
    }),
  )
})

distribution('gaps have their mean, and as many as should are longer than it', () => {
  const random = new Random(1)
  const gaps = Array.from({ length: 20_000 }, () => exponential(random, 1000))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  assert.ok(mean > 970 && mean < 1030, `${mean}`)
  const longer = gaps.filter((gap) => gap > 1000).length / gaps.length
  assert.ok(Math.abs(longer - 1 / Math.E) < 0.02, `${longer}`)
})

distribution('heavy tails: half below twice the least, some near the most, none beyond', () => {
  const random = new Random(2)
  const range = { min: 100, max: 100_000 }
  const sizes = Array.from({ length: 20_000 }, () => heavy(random, range))
  assert.ok(Math.min(...sizes) >= 100 && Math.max(...sizes) <= 100_000)
  const below = sizes.filter((size) => size < 200).length / sizes.length
  assert.ok(Math.abs(below - 0.5) < 0.03, `${below}`)
  assert.ok(sizes.some((size) => size > 50_000))
})

distribution('the day goes from low to all and back', () => {
  const at = (hour: number) => dayCurvePpm(hour * 3600, 24 * 3600, 200_000)
  assert.equal(
    [at(0), at(6), at(12), at(18), at(24)],
    [200_000, 600_000, 1_000_000, 600_000, 200_000],
  )
})

distribution.run()
