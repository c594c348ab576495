import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import type { ReplicaRecord } from '../../../protocol/replication/record.ts'
import type { Replica } from '../../../protocol/replication/replica.ts'
import { Cluster, makeRecord, noSeal } from './kit.ts'

const test = suite('anti-entropy')

const author = '12D3KooWRepairRepairRepairRepairRepairRepairRepairRep'

/** Records as they look in a large cluster. */
function manyRecords(count: number, from = 0): ReplicaRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    author,
    counter: 2 ** 32 + from + i,
    key: `job/job-${from + i}/spec`,
    stamp: 6e15 + from + i,
    replaces: null,
    body: { count: i },
    signature: new Uint8Array(64),
  }))
}

function fill(replica: Replica, records: readonly ReplicaRecord[], now: number): void {
  replica.joinRecords(author, records, now)
  assert.equal(replica.takeRejections(), [])
}

function propose(cluster: Cluster, member: string, key: string, body: string): void {
  cluster.act(member, (replica) => replica.propose(1, [{ key, body }], 1, cluster.now))
}

test('equal replicas exchange their roots and nothing else', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], measured: true, seal: () => noSeal })
  cluster.cut('m1', 'm2')
  for (const member of ['m1', 'm2']) fill(cluster.replica(member), manyRecords(500), cluster.now)
  cluster.heal('m1', 'm2')
  cluster.advance(30_000)
  assert.equal(cluster.counts, { 'sync-root': 2 })
})

test('a lost delta is repaired, from the log, in two messages', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], measured: true, seal: () => noSeal })
  for (const member of ['m1', 'm2']) fill(cluster.replica(member), manyRecords(500), cluster.now)
  cluster.advance(5000)
  cluster.gossipLoss = 1000
  propose(cluster, 'm2', 'job/a/spec', 'a')
  cluster.advance(1000)
  assert.not(cluster.areEqual())
  cluster.advance(9000)
  assert.is(cluster.replica('m1').value('job/a/spec'), 'a')
  assert.equal(cluster.counts, { gossip: 1, 'sync-ask': 1, 'sync-answer': 1 })
})

test('100,000 records with 10 differences cost less than 5 kB', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], seal: () => noSeal, measured: true })
  cluster.cut('m1', 'm2')
  const records = manyRecords(100_000)
  const ours = records.filter((_, i) => i % 20_000 !== 7)
  const theirs = records.filter((_, i) => i % 20_000 !== 9)
  fill(cluster.replica('m1'), ours, cluster.now)
  fill(cluster.replica('m2'), theirs, cluster.now)
  cluster.heal('m1', 'm2')
  cluster.until(() => cluster.areEqual(), 10_000)
  assert.ok(cluster.areEqual())
  assert.is(cluster.replica('m1').size().records, 100_000)
  const overhead = cluster.bytes - cluster.recordBytes
  assert.ok(overhead < 5000, `${overhead} bytes in ${JSON.stringify(cluster.counts)}`)
  assert.ok(cluster.counts['sync-ask']! <= 4)
})

test('a fresh member catches up in messages of bounded size, whoever leads', () => {
  for (const fresh of ['m1', 'm2']) {
    const cluster = new Cluster({ members: ['m1', 'm2'], seal: () => noSeal, measured: true })
    cluster.cut('m1', 'm2')
    const full = fresh === 'm1' ? 'm2' : 'm1'
    fill(cluster.replica(full), manyRecords(20_000), cluster.now)
    cluster.heal('m1', 'm2')
    cluster.until(() => cluster.areEqual(), 60_000)
    assert.ok(cluster.areEqual(), fresh)
    const least = 20_000 / limits.recordsPerMessage
    assert.ok(cluster.counts['sync-ask']! < 1.2 * least + 10, JSON.stringify(cluster.counts))
  }
})

test('a fresh member among many is not sent everything by everyone', () => {
  const members = Array.from({ length: 8 }, (_, i) => `m${i}`)
  const cluster = new Cluster({ members, seal: () => noSeal, measured: true })
  const records = manyRecords(3000)
  for (const member of members.slice(0, 7)) fill(cluster.replica(member), records, cluster.now)
  for (const member of members.slice(0, 7)) cluster.heal('m7', member)
  const took = cluster.until(() => cluster.areEqual(), 60_000)
  assert.ok(took !== undefined)
  const once = records.length * 150
  assert.ok(cluster.recordBytes < 4.5 * once, `${cluster.recordBytes} of ${once}`)
})

test('records of the largest size arrive, all versions of them', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'], measured: true, seal: () => noSeal })
  cluster.cut('m1', 'm2')
  const body = new Uint8Array(limits.recordBodyBytes - 8)
  const records = Array.from({ length: 3 * limits.versionsPerKey }, (_, i) =>
    makeRecord({ author: 'm9', counter: i + 1, key: `job/${i % 3}/spec`, stamp: i + 1, body }),
  )
  fill(cluster.replica('m2'), records, cluster.now)
  cluster.heal('m1', 'm2')
  cluster.until(() => cluster.areEqual(), 20_000)
  assert.ok(cluster.areEqual())
  assert.is(cluster.replica('m1').versions('job/2/spec').length, limits.versionsPerKey)
})

for (const seed of [1, 2, 3, 4]) {
  test(`five replicas with lossy links become equal, seed ${seed}`, () => {
    const members = ['m1', 'm2', 'm3', 'm4', 'm5']
    const cluster = new Cluster({ members, seed, loss: 200, gossipLoss: 500 })
    for (let i = 0; i < 60; i++) {
      propose(cluster, members[i % 5]!, `job/${i % 11}/spec`, `${i}`)
      cluster.act(members[i % 5]!, (replica) =>
        replica.writeOwn(`alloc/${replica.self}/${i % 7}`, i % 4 === 0 ? null : i, cluster.now),
      )
      cluster.advance(100)
    }
    const took = cluster.until(() => cluster.areEqual(), 120_000)
    assert.ok(took !== undefined)
    const contents = members.map((member) =>
      [...cluster.replica(member).keys('')].map((key) => cluster.replica(member).versions(key)),
    )
    for (const each of contents) assert.equal(each, contents[0])
    assert.equal(cluster.log, [])
  })
}

test('concurrent edits on two sides resolve alike, and the loser can be seen', () => {
  const members = ['m1', 'm2', 'm3', 'm4']
  const cluster = new Cluster({ members })
  const sides = [
    ['m1', 'm2'],
    ['m3', 'm4'],
  ] as const
  propose(cluster, 'm1', 'job/a/spec', 'first')
  cluster.advance(3000)
  for (const a of sides[0]) for (const b of sides[1]) cluster.cut(a, b)
  propose(cluster, 'm1', 'job/a/spec', 'left')
  cluster.advance(1000)
  propose(cluster, 'm4', 'job/a/spec', 'right')
  cluster.advance(10_000)
  assert.is(cluster.replica('m2').value('job/a/spec'), 'left')
  assert.is(cluster.replica('m3').value('job/a/spec'), 'right')
  for (const a of sides[0]) for (const b of sides[1]) cluster.heal(a, b)
  assert.ok(cluster.until(() => cluster.areEqual(), 20_000) !== undefined)
  for (const member of members) {
    const versions = cluster.replica(member).versions('job/a/spec')
    assert.equal(
      versions.map((record) => record.body),
      ['right', 'left', 'first'],
    )
    assert.equal(versions[0]!.replaces, versions[1]!.replaces)
  }
})

test('while writes go on all the time, comparisons are rare', () => {
  const members = ['m1', 'm2', 'm3', 'm4', 'm5']
  const cluster = new Cluster({ members, latencyMs: 150 })
  const seconds = 120
  for (let i = 0; i < 10 * seconds; i++) {
    const member = members[i % 5]!
    cluster.act(member, (replica) => replica.writeOwn(`node/${member}`, i, cluster.now))
    cluster.advance(100)
  }
  // Each member leads about one comparison in ten seconds, of up to three questions.
  const asks = cluster.counts['sync-ask'] ?? 0
  assert.ok(asks <= (3.5 * members.length * seconds) / 10, `${asks}`)
})

test('a peer that never answers is given up, and another is asked', () => {
  const cluster = new Cluster({ members: ['m1', 'm2', 'm3'], seal: () => noSeal })
  fill(cluster.replica('m3'), manyRecords(10), cluster.now)
  fill(cluster.replica('m2'), manyRecords(10), cluster.now)
  cluster.heal('m1', 'm2')
  cluster.crash('m2')
  const took = cluster.until(() => cluster.replica('m1').size().records === 10, 30_000)
  assert.ok(took !== undefined)
})

test.run()
