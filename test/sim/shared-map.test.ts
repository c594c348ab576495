/** Maps that share are maps: the same as plain ones, whatever is done to which copy; and they share. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../protocol/base/random.ts'
import { type SharedMap, SharedMaps } from '../../sim/shared-map.ts'

const maps = suite('sim/shared-map')

interface Claim {
  readonly level: number
}
const claims: Claim[] = [{ level: 0 }, { level: 1 }, { level: 2 }]

/** Of 5,000 keys: some in one node, some far apart. */
const key = fc.oneof(fc.nat(40), fc.nat(5000)).map((n) => `member-${n}`)
const act = fc.record({
  what: fc.constantFrom('set', 'set', 'set', 'delete', 'copy'),
  which: fc.nat(3),
  key,
  claim: fc.constantFrom(...claims),
})

/** Maps whose keys have their places already, so that the first key of a test may be far from the second. */
function allKeys(): SharedMaps {
  const shared = new SharedMaps()
  const filled = shared.create('claims')
  for (let i = 0; i <= 5000; i++) filled.set(`member-${i}`, claims[0]!)
  return shared
}

function contents(map: { keys(): Iterable<string>; get(key: string): Claim | undefined }) {
  return [...map.keys()].sort().map((each) => [each, map.get(each)])
}

maps('do what plain maps do, and copies are independent', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(act, { maxLength: 200 }), (isWide, acts) => {
      const shared = isWide ? allKeys() : new SharedMaps()
      const ours: SharedMap<Claim>[] = [shared.create<Claim>('claims')]
      const plain: Map<string, Claim>[] = [new Map()]
      for (const { what, which, key: name, claim } of acts) {
        const i = which % ours.length
        if (what === 'copy') {
          ours.push(shared.copy(ours[i]!))
          plain.push(new Map(plain[i]))
        } else if (what === 'delete') assert.is(ours[i]!.delete(name), plain[i]!.delete(name))
        else {
          ours[i]!.set(name, claim)
          plain[i]!.set(name, claim)
        }
        assert.is(ours[i]!.size, plain[i]!.size)
        assert.is(ours[i]!.get(name), plain[i]!.get(name))
        assert.is(ours[i]!.has(name), plain[i]!.has(name))
      }
      ours.forEach((map, i) => {
        assert.equal(contents(map), contents(plain[i]!))
        assert.is([...map.values()].length, map.size)
      })
    }),
  )
})

maps('the same changes in another order meet in the same nodes, nearly always', () => {
  const random = new Random(3)
  const shared = new SharedMaps()
  const settled = shared.create<Claim>('claims')
  for (let i = 0; i <= 5000; i++) settled.set(`member-${i}`, claims[0]!)
  let met = 0
  const rounds = 200
  for (let round = 0; round < rounds; round++) {
    const keys = Array.from({ length: 20 }, () => `member-${random.below(5000)}`)
    const [one, other] = [shared.copy(settled), shared.copy(settled)]
    for (const each of keys) one.set(each, claims[1]!)
    for (const each of random.shuffle(keys)) other.set(each, claims[1]!)
    assert.equal(contents(one), contents(other))
    if (one.identity === other.identity) met++
  }
  assert.ok(met >= 0.9 * rounds, `${met} of ${rounds}`)
})

maps('values that are alike are one, and only those', () => {
  const shared = new SharedMaps()
  const [one, other] = [shared.create<object>('members'), shared.create<object>('members')]
  const meet = (a: object, b: object): boolean => {
    one.set('m', a)
    other.set('m', b)
    assert.equal(other.get('m'), b)
    return one.identity === other.identity
  }
  const [x, y] = [{ slot: 1 }, { slot: 2 }]
  assert.ok(meet({ cpu: 1, gpu: 0 }, { cpu: 1, gpu: 0 }))
  assert.ok(meet([x, y], [x, y]))
  for (const [a, b] of [
    [
      [x, y],
      [y, x],
    ],
    [[x, y], [x]],
    [[], {}],
    [{ cpu: 1 }, { cpu: 1, gpu: undefined }],
    [
      { cpu: 1, gpu: 0 },
      { cpu: 1, gpu: 1 },
    ],
    [{ of: { ...x } }, { of: { ...x } }],
  ] as const)
    assert.not(meet(a, b), JSON.stringify([a, b]))
})

maps.run()
