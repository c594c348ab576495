/** Observers that take turns probe each subject at an even pace, however many there are. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../../protocol/config.ts'
import { ProbeRings } from '../../../protocol/membership/ring.ts'
import { Turns } from '../../../protocol/membership/turns.ts'

const turns = suite('membership/turns')
const { probeIntervalMs, ringsMin, ringsMax } = defaultConfig

turns('each subject is probed once an interval, a whole interval apart', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(5000), (count, phase) => {
      const members = Array.from({ length: count }, (_, i) => `m${i}`)
      const rings = new ProbeRings(ringsMin, ringsMax)
      for (const member of members) rings.add(member)
      const probedAt = new Map<string, number[]>(members.map((member) => [member, []]))
      for (const observer of members) {
        const subjects = rings.subjects(observer)
        const own = new Turns(defaultConfig, observer)
        own.advance(subjects, 1_000_000 + phase)
        for (let i = 0; i < 12; i++) {
          probedAt.get(own.subject(subjects))!.push(own.at)
          own.advance(subjects, own.at)
        }
      }
      for (const times of probedAt.values()) {
        times.sort((a, b) => a - b)
        assert.is(times.length, 12)
        for (const [i, at] of times.entries()) assert.is(at - times[0]!, i * probeIntervalMs)
      }
    }),
    { numRuns: 50 },
  )
})

turns('those that are slept through are left out, and the next is not long after', () => {
  const own = new Turns(defaultConfig, 'm1')
  const subjects = ['a', 'b', 'c']
  own.advance(subjects, 1_000_000)
  own.advance(subjects, 1_060_700)
  assert.ok(own.at >= 1_060_000 && own.at < 1_061_000)
  assert.is(own.subject(subjects), subjects[1060 % 3])
})

turns('with nobody to probe there are turns all the same', () => {
  const own = new Turns(defaultConfig, 'm1')
  own.advance([], 1_000_000)
  assert.is(own.at, 1_000_000)
  own.advance([], 1_000_000)
  assert.is(own.at, 1_001_000)
})

turns.run()
