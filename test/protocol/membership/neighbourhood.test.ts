import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../../protocol/config.ts'
import { Neighbourhood } from '../../../protocol/membership/neighbourhood.ts'
import { ProbeRings } from '../../../protocol/membership/ring.ts'

const neighbourhood = suite('membership/neighbourhood')
const config = { ...defaultConfig, fullMeshMax: 6, ringsMin: 2, ringsMax: 4 }
const self = 'm0'

function emptyRings(): ProbeRings {
  return new ProbeRings(config.ringsMin, config.ringsMax)
}

neighbourhood(
  'who keeps its neighbours when others come and go has those that it would find anew',
  () => {
    const changes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 120 })
    fc.assert(
      fc.property(changes, (members) => {
        const around = new Neighbourhood(config, self, emptyRings())
        around.reshape(self, true)
        const present = new Set([self])
        for (const each of members) {
          const member = `m${each}`
          around.reshape(member, !present.has(member))
          if (!present.delete(member)) present.add(member)
          const rings = emptyRings()
          for (const other of present) rings.add(other)
          const fresh = new Neighbourhood(config, self, rings)
          assert.equal(around.neighbours(), fresh.neighbours())
          assert.equal(around.subjects(), fresh.subjects())
        }
      }),
      { numRuns: 60 },
    )
  },
)

neighbourhood('of many members only those next to one that goes look for others', () => {
  const around = new Neighbourhood(config, self, emptyRings())
  around.reshape(self, true)
  for (let i = 1; i < 60; i++) around.reshape(`m${i}`, true)
  const before = around.neighbours()
  const far = Array.from({ length: 59 }, (_, i) => `m${i + 1}`).find(
    (member) => !around.near(member).includes(self),
  )!
  around.reshape(far, false)
  assert.is(around.neighbours(), before)
  around.reshape(before[0]!, false)
  assert.is.not(around.neighbours(), before)
})

neighbourhood('whom a member is near to once others are gone is known while they are there', () => {
  const members = Array.from({ length: 40 }, (_, i) => `m${i}`)
  const some = fc.subarray(members.slice(1), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(some, ([member, ...gone]) => {
      const [full, rest] = [emptyRings(), emptyRings()]
      for (const each of members) full.add(each)
      for (const each of members) if (!gone.includes(each)) rest.add(each)
      const near = new Neighbourhood(config, self, full).near(member!, gone)
      for (const each of new Neighbourhood(config, self, rest).near(member!))
        assert.ok(near.includes(each), `${each} is near to ${member} without ${gone}`)
    }),
    { numRuns: 200 },
  )
})

neighbourhood.run()
