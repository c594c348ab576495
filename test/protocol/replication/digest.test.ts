import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hashName } from '../../../protocol/base/hash.ts'
import { type DigestItem, MerkleTree, pathOf } from '../../../protocol/replication/digest.ts'
import {
  packChildren,
  packNames,
  unpackChildren,
  unpackNames,
} from '../../../protocol/replication/hash-list.ts'

const test = suite('digest')

const word = fc.nat(0xffffffff)
/** Crowded into few places, so that nodes split and even the bottom of the tree is shared. */
const place = fc.oneof(word, fc.constantFrom(0, 1, 0x80000000, 0xffffffff), fc.nat(40))
const item: fc.Arbitrary<DigestItem> = fc.record({
  key: fc.string({ maxLength: 4 }),
  place,
  high: word,
  low: word,
})
const items = fc.uniqueArray(item, {
  maxLength: 150,
  selector: ({ key, place }) => `${place} ${key}`,
})

function build(list: readonly DigestItem[]): MerkleTree<DigestItem> {
  const tree = new MerkleTree<DigestItem>()
  for (const each of list) tree.add(each)
  return tree
}

function below(list: readonly DigestItem[], path: string): DigestItem[] {
  return list
    .filter((each) => pathOf(each.place, path.length) === path)
    .sort((a, b) => a.place - b.place || (a.key < b.key ? -1 : 1))
}

function xor(list: readonly DigestItem[]): string {
  let [high, low] = [0, 0]
  for (const each of list) {
    high ^= each.high
    low ^= each.low
  }
  return hashName(high >>> 0, low >>> 0)
}

const path = fc.tuple(word, fc.nat(8)).map(([place, digits]) => pathOf(place, digits))

test('the same items at another depth are not the same node: they split by another digit', () => {
  const of = (first: number, count: number): DigestItem[] =>
    Array.from({ length: count }, (_, i) => ({
      key: '',
      place: first + i * 0x1000,
      high: i + 1,
      low: first,
    }))
  const crowd = of(0xab000000, 33)
  const others = of(0x10000000, 10)
  const [alone, among] = [build(crowd), build([...others, ...crowd])]
  for (const each of others) alone.add(each)
  for (const tree of [alone, among]) {
    assert.equal([...tree.items('ab')], crowd)
    assert.equal([...tree.items('')], [...others, ...crowd])
  }
})

test('every node says what a plain list would', () => {
  fc.assert(
    fc.property(items, fc.array(path, { maxLength: 5 }), (list, others) => {
      const tree = build(list)
      assert.is(tree.root(), xor(list))
      const paths = [
        ...others,
        '',
        '0',
        '8',
        'f',
        '0000',
        '0000000',
        '00000000',
        pathOf(list[0]?.place ?? 7, 3),
      ]
      for (const each of paths) {
        assert.is(tree.count(each), below(list, each).length)
        assert.equal([...tree.items(each)], below(list, each))
        if (each.length === 8) continue
        const words = tree.children(each)
        for (let digit = 0; digit < 16; digit++)
          assert.is(
            hashName(words[2 * digit]!, words[2 * digit + 1]!),
            xor(below(list, each + digit.toString(16))),
          )
      }
    }),
  )
})

test('what was removed might never have been there', () => {
  fc.assert(
    fc.property(items, fc.nat(150), (list, kept) => {
      const tree = build(list)
      for (const each of list.slice(kept)) tree.remove(each)
      const rest = list.slice(0, kept)
      assert.is(tree.root(), xor(rest))
      assert.equal([...tree.items('')], below(rest, ''))
      for (const each of rest) tree.remove(each)
      assert.is(tree.root(), '0000000000000000')
      assert.equal([...tree.items('')], [])
    }),
  )
})

test('a walk can be taken up anywhere', () => {
  fc.assert(
    fc.property(items, item, fc.nat(3), (list, from, digits) => {
      const tree = build(list)
      for (const path of ['', pathOf(from.place, digits), '8'])
        assert.equal(
          [...tree.items(path, from)],
          below(list, path).filter(
            (each) =>
              each.place > from.place || (each.place === from.place && each.key >= from.key),
          ),
        )
    }),
  )
})

test('hashes survive the wire', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(word, word)),
      fc.array(word, { minLength: 32, maxLength: 32 }),
      (list, words) => {
        const names = list.map(([high, low]) => hashName(high, low))
        assert.equal(unpackNames(packNames(names)), names)
        const children = Uint32Array.from(words, (each, i) => (i % 6 < 2 ? 0 : each))
        assert.equal(unpackChildren(packChildren(children)), children)
      },
    ),
  )
})

test('broken lists of hashes are taken as far as they go', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 140 }), (bytes) => {
      assert.is(unpackChildren(bytes).length, 32)
      assert.is(unpackNames(bytes).length, Math.floor(bytes.length / 8))
    }),
  )
})

test.run()
