import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Persist } from '../../../protocol/effect.ts'
import { limits } from '../../../protocol/limits.ts'
import { Journal, storeKey } from '../../../protocol/replication/journal.ts'
import { makeRecord } from './kit.ts'

const test = suite('journal')

const records = Array.from({ length: 600 }, (_, i) =>
  makeRecord({ author: 'm1', counter: i + 1, key: `node/${i}` }),
)
const [a, b, c] = [records[0]!, records[1]!, records[2]!]
const receipt = { to: 'm2', id: 7 }

function setUp() {
  const journal = new Journal(1000)
  let lastId = 0
  const flush = (): Persist | undefined => journal.flush(() => ++lastId)
  return { journal, flush }
}

function puts(persist: Persist | undefined): string[] {
  return persist?.writes.filter(({ value }) => value !== null).map(({ key }) => key) ?? []
}

function deletes(persist: Persist | undefined): string[] {
  return persist?.writes.filter(({ value }) => value === null).map(({ key }) => key) ?? []
}

test('all writes of a step are one effect, and a step without any has none', () => {
  const { journal, flush } = setUp()
  assert.is(flush(), undefined)
  journal.keep(b)
  journal.keep(a)
  const proposal = { request: 1, records: [c], copies: null }
  journal.propose(proposal)
  const persist = flush()!
  assert.equal(puts(persist), [a, b, c].map(storeKey))
  assert.is(flush(), undefined)
  assert.equal(journal.persisted(persist.id)?.proposals, [proposal])
  assert.is(journal.persisted(persist.id), undefined)
  assert.is(journal.failed(99, 0), undefined)
})

test('what is superseded goes with the next write, or when there is much of it', () => {
  const { journal, flush } = setUp()
  journal.drop(a)
  assert.is(flush(), undefined)
  journal.keep(b)
  assert.equal(deletes(flush()), [storeKey(a)])
  for (const record of records.slice(0, limits.lazyDeletes)) journal.drop(record)
  assert.is(deletes(flush()).length, limits.lazyDeletes)
  assert.is(flush(), undefined)
})

test('what was superseded within the step is never written', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  journal.drop(a)
  assert.is(flush(), undefined)
  assert.ok(journal.awaitDurable([a], receipt))
})

test('a receipt waits for all of its records, in whichever effects they are', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  const first = flush()!
  journal.keep(b)
  assert.not(journal.awaitDurable([a, b, c], receipt))
  const second = flush()!
  assert.equal(journal.persisted(second.id)?.receipts, [])
  assert.equal(journal.persisted(first.id)?.receipts, [receipt])
  assert.ok(journal.awaitDurable([a, b], receipt))
})

test('after a failure nothing but a retry is written, and the retry brings everything', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  assert.not(journal.awaitDurable([a], receipt))
  const failing = flush()!
  assert.is(journal.deadline(), undefined)
  assert.equal(journal.failed(failing.id, 5000), { proposals: [], isFirst: true })
  assert.ok(journal.hasFailed)
  journal.keep(b)
  assert.is(flush(), undefined)
  assert.is(journal.deadline(), 6000)
  journal.onDeadline(5999)
  assert.is(flush(), undefined)
  journal.onDeadline(6000)
  const again = flush()!
  assert.equal(puts(again), [a, b].map(storeKey))
  assert.is(journal.deadline(), undefined)
  assert.is(journal.failed(again.id, 6001)?.isFirst, false)
  journal.onDeadline(7001)
  const last = flush()!
  assert.equal(puts(last), [a, b].map(storeKey))
  // The receipt of the first attempt is not owed any more: its sender has asked another member.
  assert.equal(journal.persisted(last.id), { proposals: [], receipts: [], recovered: true })
  assert.not(journal.hasFailed)
  assert.is(flush(), undefined)
})

test('a success that was under way before the failure is no recovery', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  const first = flush()!
  journal.keep(b)
  const second = flush()!
  journal.failed(second.id, 0)
  assert.is(journal.persisted(first.id)?.recovered, false)
  assert.ok(journal.hasFailed)
})

test('many dirty records are written again in bounded batches, one after the other', () => {
  const { journal, flush } = setUp()
  for (const record of records) journal.keep(record)
  journal.failed(flush()!.id, 0)
  journal.onDeadline(1000)
  const batches: number[] = []
  for (let persist = flush(); persist; persist = flush()) {
    batches.push(puts(persist).length)
    journal.persisted(persist.id)
  }
  assert.equal(batches, [256, 256, 88])
})

test('a dirty record that is superseded is not written again, and not left behind', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  journal.keep(b)
  journal.failed(flush()!.id, 0)
  journal.drop(a)
  journal.onDeadline(1000)
  const again = flush()!
  assert.equal([puts(again), deletes(again)], [[storeKey(b)], [storeKey(a)]])
})

test('a failed proposal leaves no trace: what may be on the disk is deleted', () => {
  const { journal, flush } = setUp()
  journal.propose({ request: 1, records: [a], copies: null })
  assert.is(journal.failed(flush()!.id, 0)?.proposals.length, 1)
  journal.onDeadline(1000)
  assert.equal(deletes(flush()), [storeKey(a)])
})

test('with nothing to write, the retry tries the disk all the same', () => {
  const { journal, flush } = setUp()
  journal.keep(a)
  journal.failed(flush()!.id, 0)
  journal.onDeadline(1000)
  const again = flush()!
  journal.failed(again.id, 1000)
  journal.drop(a)
  journal.onDeadline(2000)
  const deleting = flush()!
  journal.failed(deleting.id, 2000)
  journal.onDeadline(3000)
  assert.ok(flush()!.writes.length > 0)
})

test.run()
