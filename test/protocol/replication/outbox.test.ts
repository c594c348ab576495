import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import { Outbox } from '../../../protocol/replication/outbox.ts'
import { recordSize } from '../../../protocol/replication/signature.ts'
import { makeRecord } from './kit.ts'

const test = suite('outbox')

function write(counter: number, key = `node/${counter}`, body: string | Uint8Array = 'x') {
  return makeRecord({ author: 'm1', counter, key, body })
}

test('the first goes when it is due, the next after the interval', () => {
  const outbox = new Outbox(100)
  assert.is(outbox.deadline(), undefined)
  outbox.add(write(1), 1000)
  assert.equal(outbox.take(1000), [write(1)])
  outbox.add(write(2), 1001)
  outbox.add(write(3), 1002)
  assert.equal(outbox.take(1099), [])
  assert.is(outbox.deadline(), 1100)
  assert.equal(outbox.take(1100), [write(2), write(3)])
  assert.is(outbox.deadline(), undefined)
  assert.equal(outbox.take(5000), [])
})

test('what may wait goes when it is due, or with what may not', () => {
  const outbox = new Outbox(100)
  outbox.add(write(1), 1000, 30)
  assert.equal(outbox.take(1029), [])
  assert.is(outbox.deadline(), 1030)
  assert.equal(outbox.take(1030), [write(1)])
  outbox.add(write(2), 1140, 90)
  outbox.add(write(3), 1140)
  assert.equal(outbox.take(1139), [])
  assert.equal(outbox.take(1140), [write(2), write(3)])
})

test('the more is broadcast, the longer it gathers', () => {
  const everyMs = (heardPerSecond: number): number => {
    const outbox = new Outbox(100)
    const batches: number[] = []
    for (let now = 100_000; now < 110_000; now++) {
      if (now % Math.floor(1000 / heardPerSecond) === 0) outbox.noteTraffic(now)
      outbox.add(write(now, 'node/m1'), now)
      if (outbox.take(now).length > 0) batches.push(now)
    }
    return batches.at(-1)! - batches.at(-2)!
  }
  assert.ok(everyMs(1) <= 300, 'our own count too')
  assert.ok(everyMs(50) >= 900)
  assert.is(everyMs(1000), 2000, 'and never longer than a steward waits for')
})

test('what may wait for others waits longer in a storm', () => {
  const outbox = new Outbox(100)
  for (let i = 0; i < 50; i++) outbox.noteTraffic(1000 + i)
  outbox.add(write(1), 1060, 30)
  assert.is(outbox.deadline(), 1360)
  outbox.add(write(2), 1100)
  assert.is(outbox.deadline(), 1100, 'what may not wait does not')
})

test('of one key only the newest goes', () => {
  const outbox = new Outbox(100)
  for (const counter of [1, 3, 2]) outbox.add(write(counter, 'node/m1'), 0)
  assert.equal(outbox.take(1000), [write(3, 'node/m1')])
})

test('a batch is bounded in bytes and in records, and nothing is lost', () => {
  const outbox = new Outbox(100)
  const body = new Uint8Array(limits.recordBodyBytes)
  for (let i = 1; i <= 3; i++) outbox.add(write(i, `node/${i}`, body), 0)
  for (let i = 4; i <= 300; i++) outbox.add(write(i), 0)
  const sizes: number[] = []
  let sent = 0
  for (let now = 1000; sent < 300; now += 100) {
    const batch = outbox.take(now)
    assert.ok(batch.length > 0 && batch.length <= limits.recordsPerMessage)
    sizes.push(batch.reduce((sum, record) => sum + recordSize(record), 0))
    sent += batch.length
  }
  assert.ok(sizes.every((size) => size <= limits.broadcastBytes))
  assert.is(outbox.deadline(), undefined)
})

test('what waits is bounded', () => {
  const outbox = new Outbox(1)
  for (let i = 1; i <= limits.outboxRecords + 10; i++) outbox.add(write(i), 0)
  let sent = 0
  for (let now = 1; outbox.deadline() !== undefined; now++) sent += outbox.take(now).length
  assert.is(sent, limits.outboxRecords)
})

test.run()
