/** The queue gives the canonical order, whatever the order of insertion. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { comparePending, HeapQueue, type Pending } from '../../sim/queue.ts'

const queue = suite('sim/queue')

const pending = fc.record({
  at: fc.nat(5),
  kind: fc.nat(3),
  destination: fc.nat(3),
  source: fc.nat(3),
})

queue('pops in canonical order', () => {
  fc.assert(
    fc.property(fc.array(pending, { maxLength: 200 }), fc.nat(), (drawn, cut) => {
      const items: Pending[] = drawn.map((each, sequence) => ({ ...each, sequence, run: () => {} }))
      const heap = new HeapQueue()
      const middle = items.length === 0 ? 0 : cut % items.length
      for (const item of [...items.slice(middle), ...items.slice(0, middle)]) heap.push(item)
      const popped = items.map(() => heap.pop()!)
      assert.equal(popped, [...items].sort(comparePending))
      assert.is(heap.pop(), undefined)
    }),
  )
})

queue.run()
