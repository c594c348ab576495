import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findFault, parseJson } from '../../../node/api/json.ts'

const json = suite('json')

const faults: [text: string, message: string, at: number][] = [
  ['', 'unexpected end of JSON', 0],
  ['{"a": x}', 'unexpected "x"', 6],
  ['{"a":1,}', 'unexpected "}"', 7],
  ['{"a":1', 'unexpected end of JSON', 6],
  ['[1 2]', 'unexpected value', 3],
  ['{"a" 1}', 'unexpected value', 5],
  ['{1: 2}', 'a key must be text in double quotes', 1],
  ['[1]]', 'unexpected "]"', 3],
  ['{"a":1] ', 'unexpected "]"', 6],
  ['[}', 'unexpected "}"', 1],
  ['{} {}', 'unexpected "{"', 3],
  [',', 'unexpected ","', 0],
  ['01', 'unexpected value', 1],
  ['"a\nb"', 'text that does not end, or has a wrong escape,', 0],
  ['"\\x"', 'text that does not end, or has a wrong escape,', 0],
  ['{"a":1,"a":2}', 'key "a" is given twice', 7],
  ['{"a":{"b":1},"b":1,"\\u0061":2}', 'key "a" is given twice', 19],
]

json('says what is wrong and where', () => {
  for (const [text, message, at] of faults) assert.equal(findFault(text), { at, message }, text)
})

json('keys repeat in different objects', () => {
  assert.is(findFault('[{"a":1},{"a":{"a":1}},"a","a"]'), undefined)
})

json('tells line and column', () => {
  assert.throws(() => parseJson('{\n  "a": 1,\n  "b": ?\n}'), 'unexpected "?" at line 3, column 8')
})

json('takes long texts and deep nesting', () => {
  const long = JSON.stringify({ a: 'x'.repeat(1_000_000), b: '\\"'.repeat(1000) })
  assert.is(findFault(long), undefined)
  assert.is(findFault(`"${'x'.repeat(1_000_000)}`)?.at, 0)
  assert.is(findFault('['.repeat(100_000))?.at, 100_000)
  assert.is(findFault('['.repeat(100_000) + ']'.repeat(100_000)), undefined)
})

json('reads whatever JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(parseJson(text), JSON.parse(text))
    }),
  )
})

json('finds a fault exactly where JSON.parse does', () => {
  const pieces = fc.constantFrom(...'{}[]:,"\\ \n-0.e+12tfn', 'true', 'null', '"k"', '"v"', '1e5')
  const texts = fc.array(pieces, { maxLength: 12 }).map((all) => all.join(''))
  fc.assert(
    fc.property(texts, (text) => {
      const fault = findFault(text)
      if (fault?.message.endsWith('twice')) return
      assert.is(fault !== undefined, !parses(text), text)
    }),
    { numRuns: 2000 },
  )
})

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

json.run()
