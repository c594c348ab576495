/** Sparse maps and sets do what the platform's do. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SparseMap, SparseSet } from '../../../protocol/base/sparse.ts'

const sparse = suite('base/sparse')

const act = fc.record({
  what: fc.constantFrom('set', 'set', 'delete', 'delete', 'clear'),
  key: fc.nat(3),
  value: fc.nat(5),
})

sparse('a map', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const ours = new SparseMap<number, number>()
      const plain = new Map<number, number>()
      for (const { what, key, value } of acts) {
        if (what === 'set') {
          ours.set(key, value)
          plain.set(key, value)
        } else if (what === 'delete') assert.is(ours.delete(key), plain.delete(key))
        else {
          ours.clear()
          plain.clear()
        }
        assert.is(ours.size, plain.size)
        assert.is(ours.get(key), plain.get(key))
        assert.is(ours.has(key), plain.has(key))
        assert.equal([...ours], [...plain])
        assert.equal([...ours.keys()], [...plain.keys()])
        assert.equal([...ours.values()], [...plain.values()])
        const seen: unknown[] = []
        ours.forEach((each, name) => {
          seen.push([name, each])
        })
        assert.equal(seen, [...plain])
      }
    }),
  )
})

sparse('a set', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const ours = new SparseSet<number>()
      const plain = new Set<number>()
      for (const { what, key } of acts) {
        if (what === 'set') {
          ours.add(key)
          plain.add(key)
        } else if (what === 'delete') assert.is(ours.delete(key), plain.delete(key))
        else {
          ours.clear()
          plain.clear()
        }
        assert.is(ours.size, plain.size)
        assert.is(ours.has(key), plain.has(key))
        assert.equal([...ours], [...plain])
      }
    }),
  )
})

sparse.run()
