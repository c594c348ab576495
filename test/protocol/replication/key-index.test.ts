import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareText } from '../../../protocol/base/id.ts'
import { KeyIndex } from '../../../protocol/replication/key-index.ts'

const test = suite('key index')

const part = fc.constantFrom('', 'a', 'a-b', 'a.b', 'b', 'job', 'jo', 'z')
const key = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const acts = fc.array(fc.record({ key, isAdded: fc.boolean() }), { maxLength: 60 })

test('answers as a sorted list of all keys would', () => {
  fc.assert(
    fc.property(acts, key, (list, prefix) => {
      const index = new KeyIndex()
      const all = new Set<string>()
      for (const { key, isAdded } of list)
        if (isAdded) {
          if (!all.has(key)) index.add(key)
          all.add(key)
        } else {
          index.delete(key)
          all.delete(key)
        }
      for (const each of [prefix, '', 'a/', 'job/a'])
        assert.equal(
          index.withPrefix(each),
          [...all].filter((name) => name.startsWith(each)).sort(compareText),
        )
    }),
    { numRuns: 1000 },
  )
})

test('what is handed out does not change with the index', () => {
  const index = new KeyIndex()
  for (const name of ['alloc/m/1', 'alloc/m/2']) index.add(name)
  const keys = index.withPrefix('alloc/m/')
  for (const name of keys) index.delete(name)
  assert.equal(keys, ['alloc/m/1', 'alloc/m/2'])
  assert.equal(index.withPrefix(''), [])
})

test.run()
