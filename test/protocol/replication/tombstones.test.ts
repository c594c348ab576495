import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stampAt } from '../../../protocol/replication/clock.ts'
import type { Replica } from '../../../protocol/replication/replica.ts'
import { Cluster, makeRecord, makeReplica } from './kit.ts'

const test = suite('tombstones')

const hour = 3_600_000
const ttl = 24 * hour
const start = 1_700_000_000_000

function write(counter: number, body: string | null, at = start) {
  return makeRecord({
    author: 'm2',
    counter,
    key: 'job/a/spec',
    stamp: stampAt(at) + counter,
    body,
  })
}

function wake(replica: Replica, now: number): void {
  replica.onDeadlines(now, [])
}

function deletedKeys(replica: Replica): string[] {
  return (
    replica
      .flush()
      ?.writes.filter(({ value }) => value === null)
      .map(({ key }) => key) ?? []
  )
}

test('a deletion counts for its time, then for nothing', () => {
  const replica = makeReplica()
  const empty = replica.root()
  replica.joinRecords('m2', [write(1, 'x'), write(2, null)], start)
  assert.is.not(replica.root(), empty)
  assert.is(replica.deadline(), start + ttl + 1)
  wake(replica, start + ttl)
  assert.is.not(replica.root(), empty)
  wake(replica, start + ttl + 1)
  assert.is(replica.root(), empty)
})

test('alone it is removed at once, with all that is behind it', () => {
  const replica = makeReplica()
  replica.joinRecords('m2', [write(1, 'x'), write(2, null)], start)
  replica.flush()
  wake(replica, start + ttl + 1)
  assert.equal(replica.size(), { records: 0, tombstones: 0 })
  assert.is(replica.deadline(), undefined)
  replica.writeOwn('node/m1', 1, start + ttl + 1)
  assert.is(deletedKeys(replica).length, 2)
})

test('with a member that was not seen to agree it is kept for as long again', () => {
  const replica = makeReplica({ peers: () => ['m2'] })
  replica.joinRecords('m2', [write(2, null)], start)
  wake(replica, start + ttl + 1)
  assert.equal(replica.size(), { records: 1, tombstones: 1 })
  // An older write of the key does not come back meanwhile.
  replica.joinRecords('m2', [write(1, 'x')], start + ttl + 2)
  assert.is(replica.value('job/a/spec'), undefined)
  const looks: number[] = []
  while (replica.size().records > 0) {
    looks.push(replica.deadline()!)
    wake(replica, looks.at(-1)!)
  }
  assert.is(looks.at(-1), start + 2 * ttl + 1)
  assert.ok(looks.length <= 17, 'looked at every now and then')
  assert.equal(replica.size(), { records: 0, tombstones: 0 })
})

test('with everyone seen to agree it is removed when it expires', () => {
  const replica = makeReplica({ peers: () => ['m2'] })
  replica.joinRecords('m2', [write(2, null)], start)
  const sees = (root: string, at: number) => replica.antiEntropy.onPeerRoot('m2', root, at)
  sees(replica.root(), start + hour)
  sees('another', start + ttl)
  wake(replica, start + ttl + 1)
  assert.is(replica.size().records, 0)
})

test('agreement before it came here says nothing of it, nor does one long gone', () => {
  const table: [cameAt: number, agreedAt: number, heardAt: number, isKept: boolean][] = [
    [start, start + hour, start + ttl, false],
    [start + 2 * hour, start + hour, start + ttl, true],
    [start + 23 * hour, start + 22 * hour, start + ttl, true],
    [start + 23 * hour, start + 23.5 * hour, start + ttl, false],
    [start, start + hour, start + 20 * hour, true],
  ]
  for (const [cameAt, agreedAt, heardAt, isKept] of table) {
    const replica = makeReplica({ peers: () => ['m2'] })
    const acts: [number, () => void][] = [
      [cameAt, () => replica.joinRecords('m2', [write(2, null)], cameAt)],
      [agreedAt, () => replica.antiEntropy.onPeerRoot('m2', replica.root(), agreedAt)],
      [heardAt, () => replica.antiEntropy.onPeerRoot('m2', 'another', heardAt)],
    ]
    for (const [, act] of acts.sort((a, b) => a[0] - b[0])) act()
    wake(replica, start + ttl + 1)
    assert.is(replica.size().records, isKept ? 1 : 0, JSON.stringify([cameAt, agreedAt, heardAt]))
  }
})

test('expired tombstones that arrive again are ignored, unless there is something to delete', () => {
  const replica = makeReplica()
  const later = start + ttl + 10
  replica.joinRecords('m2', [write(2, null)], later)
  assert.is(replica.get('job/a/spec'), undefined)
  replica.joinRecords('m2', [write(1, 'x')], later)
  assert.is(replica.value('job/a/spec'), 'x')
  replica.joinRecords('m2', [write(2, null)], later)
  assert.is(replica.value('job/a/spec'), undefined)
  assert.equal(replica.takeRejections(), [])
})

test('a key that was written again keeps only what came after', () => {
  const replica = makeReplica()
  const again = start + 2 * hour
  replica.joinRecords('m2', [write(1, 'x'), write(2, null), write(3, 'y', again)], again)
  assert.is(replica.versions('job/a/spec').length, 3)
  wake(replica, start + ttl + 1)
  assert.equal(
    replica.versions('job/a/spec').map((record) => record.body),
    ['y'],
  )
  assert.is(replica.value('job/a/spec'), 'y')
  assert.is(replica.deadline(), undefined)
})

test('many that expire at once take several steps, each with a bound', () => {
  const replica = makeReplica()
  for (let i = 0; i < 600; i++) replica.writeOwn(`alloc/m1/${i}`, null, start)
  replica.takeBatch(start)
  let steps = 0
  for (; replica.size().records > 0; steps++) wake(replica, start + ttl + 1000)
  assert.is(steps, 3)
})

test('replicas whose clocks agree stay equal while tombstones expire', () => {
  const members = ['m1', 'm2', 'm3']
  const cluster = new Cluster({ members, config: { tombstoneTtlMs: 20_000 } })
  for (let i = 0; i < 30; i++) {
    cluster.act(members[i % 3]!, (replica) =>
      replica.propose(i, [{ key: `job/${i % 4}/spec`, body: i % 3 ? null : i }], 1, cluster.now),
    )
    cluster.advance(700)
  }
  assert.ok(cluster.until(() => cluster.areEqual(), 10_000) !== undefined)
  for (let i = 0; i < 60; i++) {
    cluster.advance(1000)
    assert.ok(cluster.areEqual())
  }
  for (const member of members) assert.is(cluster.replica(member).size().tombstones, 0)
  assert.is(cluster.counts['sync-ask'] ?? 0, 0)
})

test.run()
