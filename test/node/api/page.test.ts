import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareKeys, page, type SortKey } from '../../../node/api/page.ts'
import { RequestProblem } from '../../../node/api/problem.ts'

const paging = suite('page')

const numbers = (count: number) => [...Array(count).keys()]
const keyOf = (item: number): SortKey => ['item', item]
const same = (item: number) => item

function walk(items: (step: number) => number[], limit: number): number[] {
  const seen: number[] = []
  let cursor: string | undefined
  for (let step = 0; step < 1000; step++) {
    const found = page(items(step), keyOf, { limit, cursor }, same)
    assert.ok(found.items.length <= limit)
    seen.push(...found.items)
    cursor = found.cursor
    if (cursor === undefined) return seen
  }
  throw new Error('endless')
}

paging('a whole list has no cursor', () => {
  const all = { limit: undefined, cursor: undefined }
  assert.equal(page([1, 2, 3], keyOf, all, same), { items: [1, 2, 3] })
  assert.equal(page([], keyOf, all, same), { items: [] })
})

paging('pages make up the list', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.integer({ min: 1, max: 20 }), (count, limit) => {
      assert.equal(
        walk(() => numbers(count), limit),
        numbers(count),
      )
    }),
  )
})

paging('what stays is seen once, whatever goes meanwhile', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 30 }), (gone) => {
      const items = (step: number) =>
        numbers(41).filter((item) => !gone.slice(0, 4 * step).includes(item))
      const seen = walk(items, 3)
      assert.equal(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      )
      for (const item of numbers(41).filter((each) => !gone.includes(each)))
        assert.ok(seen.includes(item))
    }),
  )
})

paging('orders keys part by part', () => {
  assert.ok(compareKeys(['a', 2], ['a', 10]) < 0)
  assert.ok(compareKeys(['b', 0], ['a', 9]) > 0)
  assert.is(compareKeys(['a', 1], ['a', 1]), 0)
})

paging('refuses a cursor that is none of ours', () => {
  for (const cursor of ['x', 'e30', 'W3t9XQ', ''])
    assert.throws(
      () => page([1], keyOf, { limit: 1, cursor }, same),
      (error: unknown) => error instanceof RequestProblem && error.status === 400,
    )
})

paging.run()
