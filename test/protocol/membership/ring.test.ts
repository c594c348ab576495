/** The laws of the probe rings. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ProbeRings, ringCount } from '../../../protocol/membership/ring.ts'

const ring = suite('membership/ring')
const [ringsMin, ringsMax] = [3, 10]

function namesOf(count: number, seed: number): string[] {
  return Array.from({ length: count }, (_, i) => `member-${seed}-${i}`)
}

function ringsOf(members: readonly string[]): ProbeRings {
  const rings = new ProbeRings(ringsMin, ringsMax)
  for (const member of members) rings.add(member)
  return rings
}

ring('K = clamp(⌈log2 N⌉, 3, 10)', () => {
  const table: [members: number, rings: number][] = [
    [0, 3],
    [1, 3],
    [8, 3],
    [9, 4],
    [16, 4],
    [17, 5],
    [1024, 10],
    [1025, 10],
    [100_000, 10],
  ]
  for (const [members, rings] of table) assert.is(ringCount(members, ringsMin, ringsMax), rings)
})

const size = fc.oneof(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 15, max: 200 }))

ring('whoever is observed is a subject of its observer, and nobody observes itself', () => {
  fc.assert(
    fc.property(size, fc.nat(1000), (count, seed) => {
      const members = namesOf(count, seed)
      const rings = ringsOf(members)
      for (const member of members) {
        assert.not(rings.observers(member).includes(member))
        for (const observer of rings.observers(member))
          assert.ok(rings.subjects(observer).includes(member))
        for (const subject of rings.subjects(member))
          assert.ok(rings.observers(subject).includes(member))
      }
    }),
    { numRuns: 50 },
  )
})

ring(
  'in a small cluster everyone observes everyone: one bad link is never the only witness',
  () => {
    for (let count = 1; count <= ringsMax + 1; count++) {
      const members = namesOf(count, count)
      const rings = ringsOf(members)
      for (const member of members) {
        assert.is(rings.observers(member).length, count - 1)
        assert.is(new Set(rings.subjects(member)).size, count - 1)
      }
    }
  },
)

ring('taking turns together, a cluster probes each member exactly once a turn', () => {
  for (const count of [2, 3, 5, 8, 11, 12, 15, 24, 60, 200]) {
    const members = namesOf(count, count)
    const rings = ringsOf(members)
    const turns = rings.subjects(members[0]!).length
    for (let turn = 0; turn < turns; turn++) {
      const probed = new Set(members.map((member) => rings.subjects(member)[turn]))
      assert.is(probed.size, count)
    }
  }
})

ring('in a large cluster each has at most K observers, and hardly fewer', () => {
  const members = namesOf(500, 1)
  const rings = ringsOf(members)
  const counts = members.map((member) => rings.observers(member).length)
  assert.ok(Math.max(...counts) <= ringCount(500, ringsMin, ringsMax))
  assert.ok(Math.min(...counts) >= 6)
})

ring('the order of arrival does not matter', () => {
  const members = namesOf(60, 2)
  const [one, other] = [ringsOf(members), ringsOf(members.toReversed())]
  for (const member of members) assert.equal(one.subjects(member), other.subjects(member))
})

ring('a departure changes only the neighbours of the one that departs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 18, max: 31 }), fc.nat(1000), (count, seed) => {
      const members = namesOf(count, seed)
      const gone = members[seed % count]!
      const rings = ringsOf(members)
      const around = new Set([...rings.subjects(gone), ...rings.observers(gone)])
      const before = new Map(members.map((member) => [member, rings.subjects(member)]))
      rings.remove(gone)
      for (const member of members)
        if (member !== gone && !around.has(member))
          assert.equal(rings.subjects(member), before.get(member))
    }),
  )
})

ring.run()
