/** The simulator's probe rings, over everyone who ever was, answer as the agent's own, over those present. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ProbeRings } from '../../protocol/membership/ring.ts'
import { SharedMaps } from '../../sim/shared-map.ts'
import { Circles } from '../../sim/shared-presence.ts'

const presence = suite('sim/shared-presence')

const bounds = { min: 3, max: 10 }
const act = fc.record({
  view: fc.nat(2),
  isPresent: fc.boolean(),
  /** Around the size at which the rings begin. */
  member: fc.nat(30).map((n) => `m${n}`),
})

presence('answers as the rings of an agent do, for each of several views', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 150 }), fc.boolean(), (acts, startsFull) => {
      const circles = new Circles(new SharedMaps(), bounds)
      const views = [0, 1, 2].map(() => circles.view())
      const rings = [0, 1, 2].map(() => new ProbeRings(bounds.min, bounds.max))
      for (let n = 0; startsFull && n <= 30; n++)
        views.forEach((view, i) => {
          view.add(`m${n}`)
          rings[i]!.add(`m${n}`)
        })
      for (const { view, isPresent, member } of acts) {
        if (isPresent) views[view]!.add(member)
        else views[view]!.remove(member)
        if (isPresent) rings[view]!.add(member)
        else rings[view]!.remove(member)
      }
      views.forEach((view, i) => {
        assert.is(view.size, rings[i]!.size)
        assert.equal(view.list(), rings[i]!.list())
        for (let n = 0; n <= 30; n++) {
          assert.equal(view.subjects(`m${n}`), rings[i]!.subjects(`m${n}`))
          assert.equal(view.observers(`m${n}`), rings[i]!.observers(`m${n}`))
        }
      })
    }),
    { numRuns: 60 },
  )
})

presence('a view that begins with what another holds goes its own way', () => {
  const circles = new Circles(new SharedMaps(), bounds)
  const [one, other] = [circles.view(), circles.view()]
  for (const member of ['a', 'b', 'c']) one.add(member)
  other.adopt(one)
  assert.is(other.list(), one.list())
  other.remove('b')
  assert.equal(one.list(), ['a', 'b', 'c'])
  assert.equal(other.list(), ['a', 'c'])
})

presence.run()
