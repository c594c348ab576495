import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalLength, decodeCanonical, encodeCanonical } from '../../../protocol/base/bytes.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { limits } from '../../../protocol/limits.ts'

const test = suite('canonical bytes')

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const { tree } = fc.letrec<{ tree: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((n) => n + 0),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    text,
    fc.uint8Array({ maxLength: 20 }),
  ),
  tree: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 6, noNullPrototype: true }),
  ),
}))

/** The same value with its keys inserted in the opposite order. */
function reversed(value: Value): Value {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const entries = Object.entries(value as { [key: string]: Value })
  return Object.fromEntries(entries.reverse().map(([key, each]) => [key, reversed(each)]))
}

test('what was encoded decodes to the same value', () => {
  fc.assert(
    fc.property(tree, (value) => {
      assert.equal(decodeCanonical(encodeCanonical(value)), value)
    }),
  )
})

test('the same value gives the same bytes, whatever the order of its keys', () => {
  fc.assert(
    fc.property(tree, (value) => {
      assert.equal(encodeCanonical(reversed(value)), encodeCanonical(value))
    }),
  )
})

test('the length is known without encoding', () => {
  const any = fc.oneof(
    tree,
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary', minLength: 30 }),
  )
  fc.assert(
    fc.property(any, (value) => {
      assert.is(canonicalLength(value), encodeCanonical(value).length)
    }),
  )
  for (const value of ['\ud800', 'a\udc00\ud800', '\ud83d\ude00', 'é', 24, 255, 256, -256, -257])
    assert.is(canonicalLength(value), encodeCanonical(value).length)
  for (const n of [65535, 65536, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 0.5, -1e300])
    assert.is(canonicalLength(n), encodeCanonical(n).length)
})

test('random bytes never throw, and neither does a value with some bytes changed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      decodeCanonical(bytes)
    }),
    { numRuns: 2000 },
  )
  const change = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(tree, change, (value, changes) => {
      const bytes = encodeCanonical(value).slice()
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      decodeCanonical(bytes)
    }),
  )
})

const refused: [string, number[]][] = [
  ['nothing', []],
  ['undefined', [0xf7]],
  ['NaN', [0xf9, 0x7e, 0x00]],
  ['Infinity', [0xf9, 0x7c, 0x00]],
  ['an integer in more bytes than it needs', [0x18, 0x01]],
  ['an integer beyond 2^53', [0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ['a list without a length', [0x9f, 0x01, 0xff]],
  ['a key twice', [0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02]],
  ['a key that is no text', [0xa1, 0x01, 0x02]],
  ['a tag', [0xc0, 0x60]],
  ['a second value behind the first', [0x01, 0x02]],
  ['a list that promises more than there is', [0x9a, 0xff, 0xff, 0xff, 0xff, 0x01]],
]

for (const [name, bytes] of refused) {
  test(`refuses ${name}`, () => {
    assert.is(decodeCanonical(Uint8Array.from(bytes)), undefined)
  })
}

test('bounds size and depth', () => {
  const nested = (depth: number) => Uint8Array.from([...new Array(depth).fill(0x81), 0x00])
  assert.ok(decodeCanonical(nested(limits.valueDepth)) !== undefined)
  assert.is(decodeCanonical(nested(limits.valueDepth + 1)), undefined)
  assert.is(decodeCanonical(nested(limits.messageBytes - 1)), undefined)
  assert.is(decodeCanonical(encodeCanonical('12345'), 5), undefined)
  assert.is(decodeCanonical(encodeCanonical('12345'), 6), '12345')
})

test('a list as long as the depth is deep is not deep', () => {
  const value = new Array(4 * limits.valueDepth).fill([1])
  assert.equal(decodeCanonical(encodeCanonical(value)), value)
})

test('what has no canonical form is our own bug', () => {
  assert.throws(() => encodeCanonical(Number.NaN), /finite/)
  assert.throws(() => encodeCanonical({ a: undefined } as unknown as Value), /undefined/)
})

test('a key named __proto__ changes no prototype', () => {
  const bytes = Uint8Array.from([0xa1, 0x69, ...new TextEncoder().encode('__proto__'), 0xa0])
  const value = decodeCanonical(bytes) as object
  assert.is(Object.getPrototypeOf(value), Object.prototype)
})

test.run()
