import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AmendedRing } from '../../../protocol/placement/amended-ring.ts'
import { keyOfJob, PlacementRing } from '../../../protocol/placement/placement-ring.ts'

const amended = suite('the amended ring')

type Counts = Map<string, number>

const member = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const counts = fc.array(fc.tuple(member, fc.constantFrom(0, 4, 16)), { maxLength: 12 })
const key = fc.nat({ max: 0xffffffff })

function ringOf(points: Counts): PlacementRing {
  return PlacementRing.empty.patched(points)
}

/** A ring of the first counts with the others on top, and what all have then. */
function made(first: readonly [string, number][], then: readonly [string, number][]) {
  const points = new Map(first)
  const ring = new AmendedRing(ringOf(points))
  for (const [each, has] of then) {
    ring.amend(each, points.get(each) ?? 0, has)
    points.set(each, has)
  }
  return { ring, points }
}

amended('heads are those of the whole ring, whatever was changed on top', () => {
  fc.assert(
    fc.property(counts, counts, fc.array(key, { minLength: 8 }), (first, then, keys) => {
      const { ring, points } = made(first, then)
      const whole = ringOf(points)
      for (const at of keys) {
        assert.is(ring.head(at), whole.head(at))
        assert.equal(ring.whole().ringOrder(at), whole.ringOrder(at))
      }
      assert.is(ring.whole().pointCount, whole.pointCount)
    }),
    { numRuns: 500 },
  )
})

amended('the arcs of a member are the keys that it heads', () => {
  fc.assert(
    fc.property(counts, counts, member, key, (first, then, each, at) => {
      const { ring, points } = made(first, then)
      const isOn = ring
        .arcsOf(each, points.get(each) ?? 0)
        .some(({ after, upTo }) =>
          after < upTo ? at > after && at <= upTo : at > after || at <= upTo,
        )
      assert.is(isOn, ring.head(at) === each)
    }),
    { numRuns: 500 },
  )
})

amended('what is taken back leaves the ring as it was, and a copy goes on alone', () => {
  const base = ringOf(new Map([...'abcdef'].map((each) => [each, 16])))
  const ring = new AmendedRing(base)
  for (const each of 'abc') ring.amend(each, 16, 0)
  const copy = ring.copy()
  assert.equal(ring.whole().members, ['d', 'e', 'f'])
  for (const each of 'bca') ring.amend(each, 0, 16)
  assert.is(ring.whole(), base)
  assert.equal(copy.whole().members, ['d', 'e', 'f'])
  copy.amend('a', 0, 4)
  assert.equal(copy.whole().members, ['a', 'd', 'e', 'f'])
})

amended('members that heard of the same changes in another order share the whole ring', () => {
  const base = ringOf(new Map([...'abcdef'].map((each) => [each, 16])))
  const one = new AmendedRing(base)
  const other = new AmendedRing(base)
  for (const each of 'abc') one.amend(each, 16, 0)
  for (const each of 'cab') other.amend(each, 16, 0)
  assert.is(one.whole(), other.whole())
})

amended('a boot of many, one after the other and all at once', () => {
  const names = Array.from({ length: 300 }, (_, i) => `member-${i}`)
  const oneByOne = new AmendedRing(PlacementRing.empty)
  for (const each of names) oneByOne.amend(each, 0, 16)
  for (const each of names.slice(0, 100)) oneByOne.amend(each, 16, 0)
  const atOnce = new AmendedRing(PlacementRing.empty)
  atOnce.amendAll(new Map(names.slice(100).map((each) => [each, 16])))
  for (let job = 0; job < 1000; job++)
    assert.is(oneByOne.head(keyOfJob(`${job}`)), atOnce.head(keyOfJob(`${job}`)))
  assert.equal(oneByOne.whole().members, atOnce.whole().members)
})

amended.run()
