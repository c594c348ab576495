/** The queue gives the canonical order, whatever the order of insertion: the same as a heap that compares. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../protocol/base/random.ts'
import { LadderQueue } from '../../sim/queue.ts'
import { HeapQueue, type Pending } from './heap-queue.ts'

const queue = suite('sim/queue')

/** Delays within a bucket, of some buckets, of a timer, and beyond the ring. */
const delay = fc.oneof(
  fc.nat(3),
  fc.nat(2000),
  fc.nat(100_000),
  fc.constantFrom(1_000_000, 500_000),
  fc.integer({ min: 16_000_000, max: 200_000_000 }),
)
const act = fc.record({
  /** So many are popped first; the delay counts from the last of them. */
  pops: fc.oneof(fc.constant(0), fc.nat(3)),
  delay,
  kind: fc.nat(6),
  destination: fc.integer({ min: -1, max: 3 }),
  source: fc.integer({ min: -1, max: 3 }),
})
type Act = { pops: number; delay: number; kind: number; destination: number; source: number }

/** Runs the acts on both; answers with how many were popped. */
function compare(acts: readonly Act[]): number {
  const ladder = new LadderQueue()
  const heap = new HeapQueue()
  let now = 0
  let popped = 0
  const popBoth = (): boolean => {
    const expected = heap.pop()
    const nextAt = ladder.nextAt()
    assert.is(ladder.pop(), expected !== undefined)
    assert.is(nextAt, expected?.at ?? Number.POSITIVE_INFINITY)
    if (expected === undefined) return false
    assert.equal(fieldsOf(ladder), expected)
    now = expected.at
    popped++
    return true
  }
  acts.forEach(({ pops, delay: after, kind, destination, source }, sequence) => {
    for (let i = 0; i < pops; i++) popBoth()
    const at = now + after
    heap.push({ at, kind, destination, source, sequence, payload: 7 * sequence })
    ladder.push(at, kind, destination, source, sequence, 7 * sequence)
  })
  while (popBoth());
  assert.is(ladder.size, 0)
  return popped
}

function fieldsOf({ at, kind, destination, source, sequence, payload }: LadderQueue): Pending {
  return { at, kind, destination, source, sequence, payload }
}

queue('pops as a heap does, pushes and pops mixed', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 400 }), (acts) => {
      assert.is(compare(acts), acts.length)
    }),
  )
})

queue('the order does not depend on the order of insertion', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), fc.nat(), (acts, cut) => {
      const items = acts.map((each, i) => ({ ...each, at: each.delay % 5, sequence: i }))
      const rotated = items
        .slice(cut % (items.length + 1))
        .concat(items.slice(0, cut % (items.length + 1)))
      assert.equal(drain(items), drain(rotated))
    }),
  )
})

function drain(items: readonly (Act & { at: number; sequence: number })[]): Pending[] {
  const ladder = new LadderQueue()
  for (const { at, kind, destination, source, sequence } of items)
    ladder.push(at, kind, destination, source, sequence, 0)
  return items.map(() => {
    ladder.pop()
    return fieldsOf(ladder)
  })
}

queue('many events of one microsecond, and many of one bucket', () => {
  const random = new Random(5)
  const acts = (count: number, spread: number): Act[] =>
    Array.from({ length: count }, () => ({
      pops: random.below(2),
      delay: 5000 + random.below(spread),
      kind: random.below(7),
      destination: random.below(50),
      source: random.below(50),
    }))
  assert.is(compare(acts(3000, 1)), 3000)
  assert.is(compare(acts(20_000, 900)), 20_000)
  assert.is(compare(acts(20_000, 30_000_000)), 20_000)
})

queue.run()
