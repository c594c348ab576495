import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareText } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import {
  clockwiseDistance,
  keyOfSlot,
  PlacementRing,
  pointsOf,
} from '../../../protocol/placement/placement-ring.ts'

const ring = suite('the placement ring')

function of(members: readonly string[], points = 16): PlacementRing {
  return PlacementRing.empty.patched(new Map(members.map((member) => [member, points])))
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `member-${i}`)
}

const key = fc.nat({ max: 0xffffffff })
const memberNames = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), {
  minLength: 1,
  maxLength: 12,
})

ring('points by capacity class', () => {
  const table: [cpu: number, memory: number, points: number][] = [
    [8000, 32_768, 16],
    [8001, 40_000, 16],
    [7999, 32_768, 8],
    [16_000, 65_536, 32],
    [16_000, 32_768, 16],
    [1000, 512, 4],
    [0, 0, 4],
    [1_000_000, 16_777_216, 128],
  ]
  for (const [cpu, memory, points] of table)
    assert.is(pointsOf({ cpu, memory, disk: 0, gpu: 0 }), points, `${cpu} ${memory}`)
  assert.is(pointsOf(undefined), 16)
})

ring('an empty ring has no one', () => {
  assert.is(PlacementRing.empty.head(1), undefined)
  assert.equal(PlacementRing.empty.ringOrder(1), [])
})

ring('a walk meets everyone once, in the order of the first points clockwise', () => {
  fc.assert(
    fc.property(memberNames, key, (members, at) => {
      const expected = [...members].sort(
        (a, b) => clockwiseDistance(at, a, 16) - clockwiseDistance(at, b, 16) || compareText(a, b),
      )
      assert.equal(of(members).ringOrder(at), expected)
      assert.is(of(members).head(at), expected[0])
    }),
  )
})

ring('patches lead to the same ring in whatever order', () => {
  const change = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom(0, 4, 16, 32))
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 20 }),
      fc.array(key, { minLength: 5 }),
      (changes, keys) => {
        let patched = PlacementRing.empty
        for (const [member, points] of changes)
          patched = patched.patched(new Map([[member, points]]))
        const atOnce = PlacementRing.empty.patched(new Map(changes))
        assert.is(patched.pointCount, atOnce.pointCount)
        for (const at of keys) assert.equal(patched.ringOrder(at), atOnce.ringOrder(at))
      },
    ),
  )
})

ring('a member that goes moves only its own keys', () => {
  const members = names(50)
  const before = of(members)
  const after = before.patched(new Map([['member-7', 0]]))
  for (let slot = 0; slot < 5000; slot++) {
    const at = keyOfSlot('web', slot)
    const order = before.ringOrder(at).filter((member) => member !== 'member-7')
    assert.is(after.head(at), order[0])
  }
})

ring(
  'a member that joins takes at most 1.2/N of the keys, all from others and none among them',
  () => {
    const random = new Random(7)
    const members = Array.from({ length: 400 }, () => random.hex(12))
    const before = of(members)
    const joins = 40
    let moved = 0
    for (let i = 0; i < joins; i++) {
      const joined = random.hex(12)
      const after = before.patched(new Map([[joined, 16]]))
      for (let slot = 0; slot < 2000; slot++) {
        const at = keyOfSlot('web', slot)
        if (after.head(at) === before.head(at)) continue
        assert.is(after.head(at), joined)
        moved += 1
      }
    }
    const share = moved / (joins * 2000)
    assert.ok(share < 1.2 / 401, `${share * 401}/N moved`)
    assert.ok(share > 0.8 / 401, `${share * 401}/N moved`)
  },
)

ring('more points for more capacity: the share follows', () => {
  const members = names(100)
  const large = members.slice(0, 10)
  const weighted = of(members).patched(new Map(large.map((member) => [member, 64])))
  let onLarge = 0
  for (let slot = 0; slot < 20_000; slot++)
    if (large.includes(weighted.head(keyOfSlot('web', slot))!)) onLarge += 1
  const expected = (10 * 64) / (10 * 64 + 90 * 16)
  assert.ok(Math.abs(onLarge / 20_000 - expected) < 0.05, `${onLarge / 20_000} of ${expected}`)
})

ring.run()
