import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WayIndex } from '../../sim/way-index.ts'

const ways = suite('sim/way-index')
const host = fc.nat({ max: 40 })

ways('it holds what a map would, whatever comes and goes', () => {
  const acts = fc.array(fc.tuple(host, host, fc.option(fc.nat())), { maxLength: 3000 })
  fc.assert(
    fc.property(acts, (steps) => {
      const index = new WayIndex()
      const held = new Map<string, number>()
      for (const [from, to, way] of steps) {
        if (way === null) index.delete(from, to)
        else index.set(from, to, way)
        if (way === null) held.delete(`${from} ${to}`)
        else held.set(`${from} ${to}`, way)
      }
      for (let from = 0; from <= 40; from++)
        for (let to = 0; to <= 40; to++)
          assert.is(index.get(from, to), held.get(`${from} ${to}`) ?? -1, `${from} to ${to}`)
    }),
    { numRuns: 60 },
  )
})

ways('it grows with what it holds', () => {
  const index = new WayIndex()
  for (let i = 0; i < 5000; i++) index.set(i, 2 * i, i)
  for (let i = 0; i < 5000; i++) assert.is(index.get(i, 2 * i), i)
  assert.is(index.get(1, 3), -1)
})

ways.run()
