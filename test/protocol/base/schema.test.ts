/** Checks say what is wrong and where; they never throw, whatever the value. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  boolean,
  bytes,
  check,
  dictionary,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
  type Schema,
  text,
  union,
  withDefault,
} from '../../../protocol/base/schema.ts'
import { jobSchema } from '../../../protocol/placement/job.ts'

const schema = suite('base/schema')

const sample = object({
  name: text({ min: 1, max: 5, pattern: /^[a-z]+$/, hint: 'must be letters' }),
  count: withDefault(integer(0, 10), 1),
  tags: optional(list(text({ max: 3 }), 2)),
})

const table: [string, Schema<unknown>, unknown, string[]][] = [
  ['a good value', sample, { name: 'abc', count: 3, tags: ['x'] }, []],
  ['a missing field', sample, {}, ['name is required']],
  ['an unknown field', sample, { name: 'a', colour: 1 }, ['colour is not a known field']],
  ['a wrong type', sample, { name: 7 }, ['name must be a string']],
  ['a pattern', sample, { name: 'A' }, ['name must be letters']],
  ['too long', sample, { name: 'abcdef' }, ['name must have at most 5 characters']],
  ['a fraction', sample, { name: 'a', count: 1.5 }, ['count must be an integer']],
  ['a negative', sample, { name: 'a', count: -1 }, ['count must be at least 0']],
  ['an item', sample, { name: 'a', tags: ['x', 4] }, ['tags[1] must be a string']],
  ['too many', sample, { name: 'a', tags: ['', '', ''] }, ['tags must have at most 2 items']],
  ['not an object', sample, [], [' must be an object']],
  ['a literal', literal('a', 'b'), 'c', [' must be one of a, b']],
  ['a boolean', boolean(), 0, [' must be true or false']],
  ['bytes', bytes(2), new Uint8Array(3), [' must have at most 2 bytes']],
  ['null where allowed', nullable(integer(0, 1)), null, []],
  ['a dictionary', dictionary(integer(0, 1), 9, /^[a-z]$/), { A: 1 }, ['A is not a valid name']],
  ['a dictionary value', dictionary(integer(0, 1), 9), { a: 2 }, ['a must be at most 1']],
  ['a variant', union('t', { x: object({ t: literal('x') }) }), { t: 'y' }, ['t must be one of x']],
]

for (const [name, of, value, expected] of table)
  schema(name, () => {
    const checked = check(of, value)
    const found = checked.ok ? [] : checked.issues.map(({ path, message }) => `${path} ${message}`)
    assert.equal(found, expected)
  })

schema('defaults are filled in, at every depth', () => {
  const checked = check(jobSchema, {
    id: 'web',
    tasks: [{ name: 'a', process: { command: ['x'] } }],
  })
  assert.ok(checked.ok)
  assert.is(checked.value.count, 1)
  assert.equal(checked.value.tasks[0]!.resources, { cpu: 100, memory: 64, disk: 0, gpu: 0 })
})

schema('a checked job checks again to itself', () => {
  const first = check(jobSchema, { id: 'web', tasks: [{ name: 'a', docker: { image: 'x' } }] })
  assert.ok(first.ok)
  const second = check(jobSchema, first.value)
  assert.ok(second.ok)
  assert.equal(second.value, first.value)
})

schema('no value makes a check throw, or pass the prototype on', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true }), (value) => {
      check(jobSchema, value)
      check(jobSchema, { id: 'a', tasks: [value], labels: value })
    }),
  )
  const hostile = JSON.parse('{"id":"a","tasks":[],"labels":{"__proto__":"x"},"__proto__":{"x":1}}')
  const checked = check(jobSchema, hostile)
  assert.not.ok(checked.ok)
  assert.is(({} as { x?: unknown }).x, undefined)
})

schema.run()
