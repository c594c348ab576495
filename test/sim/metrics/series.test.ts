/** Series of any length fit into their bins: flows keep their sum, levels their mean. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { metricLimits } from '../../../sim/limits.ts'
import { TimeSeries } from '../../../sim/metrics/series.ts'

const series = suite('sim/metrics/series')

series('what was added is there, however many samples there were', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 3000 }), (samples) => {
      const held = new TimeSeries(250, { level: 'level', flow: 'flow' })
      for (const sample of samples) held.add([sample, sample])
      assert.ok(held.length <= metricLimits.bins)
      const perBin = held.binUs / 250
      assert.is(held.length, Math.ceil(samples.length / perBin))
      held.values('flow').forEach((flow, bin) => {
        const part = samples.slice(bin * perBin, (bin + 1) * perBin)
        const sum = part.reduce((total, each) => total + each, 0)
        assert.is(flow, sum)
        assert.ok(Math.abs(held.values('level')[bin]! - sum / part.length) < 1e-6)
      })
    }),
    { numRuns: 50 },
  )
})

series('an unknown name has no values', () => {
  assert.equal(new TimeSeries(1, { a: 'flow' }).values('b'), [])
})

series.run()
