import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Seal } from '../../../protocol/base/seal.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import { stampAt } from '../../../protocol/replication/clock.ts'
import type { ReplicaRecord } from '../../../protocol/replication/record.ts'
import type { Replica } from '../../../protocol/replication/replica.ts'
import { applyWrites, Cluster, makeRecord, makeReplica, toySeal } from './kit.ts'

const test = suite('replica')

const now = 1_700_000_000_000

/** Flushes until nothing is left, onto the disk. */
function persistAll(replica: Replica, disk = new Map<string, Value>()): Effect[] {
  const out: Effect[] = []
  for (let persist = replica.flush(); persist; persist = replica.flush()) {
    applyWrites(disk, persist.writes)
    replica.onPersisted(persist.id, now, out)
  }
  return out
}

function messagesOf(effects: readonly Effect[]): string[] {
  return effects.map((effect) =>
    effect.type === 'send'
      ? `${effect.message.type} to ${effect.to}`
      : effect.type === 'notify'
        ? effect.notification.type
        : effect.type,
  )
}

function entriesOf(disk: Map<string, Value>) {
  return [...disk].map(([key, value]) => ({ key, value }))
}

test('an own write is visible at once, in this step on its way to the disk and to others', () => {
  const replica = makeReplica()
  replica.writeOwn('alloc/m1/a', { state: 'running' }, now)
  assert.equal(replica.value('alloc/m1/a'), { state: 'running' })
  assert.equal(replica.takeChanges(), ['alloc/m1/a'])
  assert.equal(replica.takeChanges(), [])
  assert.equal(
    replica.takeBatch(now).map((record) => record.key),
    ['alloc/m1/a'],
  )
  assert.is(replica.flush()?.writes.length, 1)
  replica.writeOwn('alloc/m1/a', null, now)
  assert.is(replica.value('alloc/m1/a'), undefined)
  assert.is(replica.get('alloc/m1/a')?.body, null)
  assert.equal([...replica.keys('alloc/')], [])
  assert.equal(replica.size(), { records: 1, tombstones: 1 })
  assert.throws(() => replica.writeOwn('alloc/m2/a', 1, now), /own keys/)
})

test('a proposal exists once it is durable here, and not before', () => {
  const replica = makeReplica({ peers: () => ['m2'] })
  const empty = replica.root()
  const proposed = replica.propose(1, [{ key: 'job/a/spec', body: 1 }], null, now)
  assert.ok('versions' in proposed)
  assert.is(replica.value('job/a/spec'), undefined)
  assert.is(replica.root(), empty)
  assert.equal(replica.takeBatch(now), [])
  const effects = persistAll(replica)
  assert.is(replica.value('job/a/spec'), 1)
  assert.equal(replica.takeChanges(), ['job/a/spec'])
  assert.equal(messagesOf(effects), ['replicate to m2'])
  assert.is(replica.takeBatch(now).length, 1)
  assert.equal(replica.takeSettled(), [])
  const out: Effect[] = []
  const { message } = effects[0] as Effect & { type: 'send' }
  replica.onMessage('m2', { type: 'replicated', id: (message as { id: number }).id }, now, out)
  assert.equal(replica.takeSettled(), [{ request: 1, outcome: 'written', copies: 2 }])
})

test('each proposal names the write that it replaces, also one that is not durable yet', () => {
  const replica = makeReplica()
  const dots = [1, 2].map((body) => {
    const proposed = replica.propose(body, [{ key: 'job/a/spec', body }], 1, now)
    return 'versions' in proposed ? proposed.versions[0] : undefined
  })
  persistAll(replica)
  replica.propose(3, [{ key: 'job/a/spec', body: 3 }], 1, now)
  persistAll(replica)
  const [third, second, first] = replica.versions('job/a/spec')
  assert.equal(
    [first?.replaces, second?.replaces, third?.replaces],
    [null, dots[0], { author: 'm1', counter: second?.counter }],
  )
})

test('a copy is confirmed once it is durable, and only then', () => {
  const replica = makeReplica({ self: 'm2' })
  const records = [1, 2].map((counter) =>
    makeRecord({ author: 'm1', counter, key: `job/${counter}/spec` }),
  )
  const out: Effect[] = []
  replica.joinRecords('m1', records.slice(0, 1), now)
  const first = replica.flush()!
  replica.onMessage('m1', { type: 'replicate', id: 9, records }, now, out)
  const second = replica.flush()!
  replica.onPersisted(second.id, now, out)
  assert.equal(out, [])
  replica.onPersisted(first.id, now, out)
  assert.equal(messagesOf(out), ['replicated to m1'])
  // Asked again, it has them already.
  replica.onMessage('m1', { type: 'replicate', id: 10, records }, now, out)
  assert.equal(messagesOf(out), ['replicated to m1', 'replicated to m1'])
  assert.is(replica.flush(), undefined)
})

test('what is refused is not confirmed', () => {
  const replica = makeReplica({ self: 'm2' })
  const record = makeRecord({ author: 'm3', counter: 1, key: 'job/a/spec' })
  const out: Effect[] = []
  const records = [{ ...record, body: 'changed' }]
  replica.onMessage('m1', { type: 'replicate', id: 9, records }, now, out)
  assert.equal(out, [])
  assert.is(replica.takeRejections().length, 1)
})

test('only for a record of its own is the sender of a message voucher enough', () => {
  const replica = makeReplica({ self: 'm2' })
  const unsigned = { signature: new Uint8Array(64) }
  const records = ['m1', 'm3'].map((author) => ({
    ...makeRecord({ author, counter: 1, key: `job/${author}/spec` }),
    ...unsigned,
  }))
  replica.onMessage('m1', { type: 'replicate', id: 9, records }, now, [])
  assert.equal([...replica.keys('job/')], ['job/m1/spec'])
  assert.equal(
    replica.takeRejections().map(({ reason }) => reason),
    ['wrong-signature'],
  )
})

const far = stampAt(now + defaultConfig.maxClockDriftMs)
const refusals: [name: string, record: ReplicaRecord, reason: string | undefined][] = [
  ['a good record', makeRecord({ author: 'm2', counter: 1, key: 'alloc/m2/a' }), undefined],
  ['an unknown kind', makeRecord({ author: 'm2', counter: 1, key: 'later/kind/x' }), undefined],
  [
    'as far ahead as may be',
    makeRecord({ author: 'm2', counter: 1, key: 'job/a', stamp: far }),
    undefined,
  ],
  [
    'too far ahead',
    makeRecord({ author: 'm2', counter: 1, key: 'job/a', stamp: far + 1 }),
    'stamp-too-far-ahead',
  ],
  [
    'a key of another',
    makeRecord({ author: 'm2', counter: 1, key: 'alloc/m3/a' }),
    'not-the-owner',
  ],
  ['a node of another', makeRecord({ author: 'm2', counter: 1, key: 'node/m3' }), 'not-the-owner'],
  [
    'a changed body',
    { ...makeRecord({ author: 'm2', counter: 1, key: 'job/a' }), body: 'y' },
    'wrong-signature',
  ],
  [
    "another's name",
    { ...makeRecord({ author: 'm2', counter: 1, key: 'job/a' }), author: 'm3' },
    'wrong-signature',
  ],
]

for (const [name, record, reason] of refusals) {
  test(`${reason ? 'refuses' : 'joins'} ${name}`, () => {
    const replica = makeReplica()
    replica.joinRecords('m9', [record], now)
    const rejections = replica.takeRejections()
    assert.equal(
      rejections.map((each) => [each.from, each.reason]),
      reason ? [['m9', reason]] : [],
    )
    assert.is(replica.get(record.key) !== undefined, reason === undefined)
    assert.is(replica.flush() !== undefined, reason === undefined)
    assert.equal(replica.takeRejections(), [])
  })
}

test('what is known or superseded is ignored before any signature is checked', () => {
  let verified = 0
  const seal: Seal = {
    ...toySeal('m1'),
    verify: () => {
      verified += 1
      return true
    },
  }
  const replica = makeReplica({ seal })
  const records = [1, 2].map((counter) =>
    makeRecord({ author: 'm2', counter, key: 'node/m2', body: counter }),
  )
  replica.joinRecords('m2', [records[1]!], now)
  replica.takeChanges()
  replica.flush()
  for (const record of records) replica.joinRecords('m3', [record], now)
  assert.is(verified, 1)
  assert.equal([replica.takeChanges(), replica.takeRejections()], [[], []])
  assert.is(replica.flush(), undefined)
})

test('what others wrote is not gossiped again', () => {
  const replica = makeReplica()
  replica.joinRecords('m2', [makeRecord({ author: 'm2', counter: 1, key: 'node/m2' })], now)
  assert.equal(replica.takeBatch(now), [])
  assert.is(replica.deadline(), undefined)
})

test('a dot is never used twice, though the journal and unflushed writes were lost', () => {
  const first = makeReplica({ epoch: 1 })
  first.writeOwn('node/m1', 'a', now)
  const lost = first.takeBatch(now)
  const second = makeReplica({ epoch: 2 })
  second.writeOwn('node/m1', 'b', now - 5000)
  // Others still hold what we do not remember to have written; it is newer, so it is ours.
  second.joinRecords('m2', lost, now)
  assert.is(second.value('node/m1'), 'a')
  second.writeOwn('node/m1', 'c', now)
  const { counter } = second.get('node/m1')!
  assert.ok(counter > lost[0]!.counter)
  assert.is(second.value('node/m1'), 'c')
})

test('even with the epoch lost, dots go on after those that come back', () => {
  const first = makeReplica({ epoch: 7 })
  for (const body of ['a', 'b']) first.writeOwn('node/m1', body, now)
  const second = makeReplica({ epoch: 1 })
  second.joinRecords('m2', first.takeBatch(now), now)
  second.writeOwn('node/m1', 'c', now)
  assert.is(second.get('node/m1')?.counter, 7 * 2 ** 32 + 3)
})

test('the journal brings back the same state, whatever was joined in whatever order', () => {
  const write = fc.record({
    author: fc.constantFrom('m1', 'm2'),
    key: fc.constantFrom('job/a/spec', 'job/b/spec', 'drain/m1'),
    stamp: fc.nat(20),
    body: fc.constantFrom('x', null),
    isFlushed: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(write, { maxLength: 50 }), (list) => {
      const replica = makeReplica({ config: { tombstoneTtlMs: 2 * now } })
      const disk = new Map<string, Value>()
      for (const [i, { isFlushed, ...fields }] of list.entries()) {
        replica.joinRecords('m9', [makeRecord({ ...fields, counter: i + 1 })], now)
        if (isFlushed) persistAll(replica, disk)
        if (i % 7 === 0) replica.writeOwn('node/m1', i, now)
      }
      persistAll(replica, disk)
      const again = makeReplica({ epoch: 2, journal: entriesOf(disk) })
      assert.is(again.root(), replica.root())
      assert.equal(again.size(), replica.size())
      assert.equal([...again.keys('')], [...replica.keys('')])
      for (const key of again.keys('')) assert.equal(again.versions(key), replica.versions(key))
      assert.ok(again.stamp(0) > replica.clock(0) - 1)
      // What a crash left behind of superseded records is dropped again.
      assert.ok(disk.size <= replica.size().records + list.length)
      assert.equal(again.takeChanges(), [])
    }),
  )
})

test('foreign and broken entries of the journal are passed over', () => {
  const journal = [
    { key: 'member/m2', value: { incarnation: 1 } },
    { key: 'record/job/a/spec#m1:1', value: { nonsense: true } },
    { key: 'record/x', value: null },
  ]
  assert.equal(makeReplica({ journal }).size(), { records: 0, tombstones: 0 })
})

test('when the disk fails, proposals fail, the rest is kept and written when it recovers', () => {
  const cluster = new Cluster({ members: ['m1', 'm2'] })
  const host = cluster.hosts.get('m1')!
  host.diskFails = true
  cluster.act('m1', (replica) => {
    replica.propose(1, [{ key: 'job/a/spec', body: 1 }], null, cluster.now)
    replica.writeOwn('node/m1', 'kept', cluster.now)
  })
  cluster.advance(100)
  const replica = cluster.replica('m1')
  assert.ok(replica.storageFailed)
  assert.equal(replica.takeSettled(), [{ request: 1, outcome: 'storage-failed', copies: 0 }])
  assert.is(replica.value('job/a/spec'), undefined)
  assert.equal(replica.propose(2, [], null, cluster.now), { refused: 'storage-failed' })
  // It goes on with what needs no disk.
  cluster.act('m2', (other) => other.writeOwn('node/m2', 'heard', cluster.now))
  cluster.advance(3000)
  assert.is(cluster.replica('m2').value('node/m1'), 'kept')
  assert.is(replica.value('node/m2'), 'heard')
  assert.equal(cluster.log, ['m1 storage-failed'])
  host.diskFails = false
  cluster.advance(1100)
  assert.not(replica.storageFailed)
  assert.equal(cluster.log, ['m1 storage-failed', 'm1 storage-recovered'])
  assert.equal(
    [...host.disk]
      .filter(([key]) => key.startsWith('record/'))
      .map(([, value]) => (value as unknown as ReplicaRecord).body)
      .sort(),
    ['heard', 'kept'],
  )
})

test('a member whose disk fails is no second copy', () => {
  const cluster = new Cluster({ members: ['m1', 'm2', 'm3'] })
  cluster.hosts.get('m2')!.diskFails = true
  for (let request = 1; request <= 4; request++) {
    cluster.act('m1', (replica) =>
      replica.propose(request, [{ key: `job/${request}/spec`, body: 1 }], 2, cluster.now),
    )
    cluster.advance(1500)
  }
  const settled = cluster.replica('m1').takeSettled()
  assert.is(settled.length, 4)
  for (const each of settled) assert.is(each.outcome, 'written')
  const onDisk = [...cluster.hosts.get('m3')!.disk.keys()].filter((key) => key.includes('/job/'))
  assert.is(onDisk.length, 4)
})

test('an acknowledged write survives the loss of the member that took it', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cluster = new Cluster({ members: ['m1', 'm2', 'm3'], seed, gossipLoss: 1000, loss: 100 })
    let acknowledged = 0
    for (let request = 1; request <= 10; request++) {
      cluster.act('m1', (replica) =>
        replica.propose(
          request,
          [{ key: `job/${request}/spec`, body: request }],
          null,
          cluster.now,
        ),
      )
      const isSettled = () => {
        const [settled] = cluster.replica('m1').takeSettled()
        if (settled?.outcome === 'written' && settled.copies >= 2) acknowledged = request
        return settled !== undefined
      }
      cluster.until(isSettled, 5000)
      if (acknowledged === seed % 10) break
    }
    cluster.crash('m1')
    for (const member of ['m2', 'm3']) {
      const { disk } = cluster.hosts.get(member)!
      cluster.crash(member)
      cluster.start(member, disk)
    }
    cluster.heal('m2', 'm3')
    assert.ok(cluster.until(() => cluster.areEqual(), 30_000) !== undefined, `seed ${seed}`)
    for (let request = 1; request <= acknowledged; request++)
      assert.is(cluster.replica('m3').value(`job/${request}/spec`), request, `seed ${seed}`)
  }
})

test('too many pending writes are refused', () => {
  const replica = makeReplica()
  let request = 0
  for (;;) {
    const proposed = replica.propose(++request, [{ key: 'job/a/spec', body: 1 }], null, now)
    if ('refused' in proposed) {
      assert.is(proposed.refused, 'overloaded')
      break
    }
  }
  assert.is(request, 4097)
  persistAll(replica)
  assert.ok('versions' in replica.propose(++request, [{ key: 'job/a/spec', body: 1 }], null, now))
})

test('the same inputs give the same effects, byte for byte', () => {
  const run = () => {
    const cluster = new Cluster({ members: ['m1', 'm2', 'm3'], seed: 5, loss: 100, measured: true })
    for (let i = 0; i < 40; i++) {
      const member = `m${1 + (i % 3)}`
      cluster.act(member, (replica) =>
        replica.propose(i, [{ key: `job/${i % 5}/spec`, body: i }], null, cluster.now),
      )
      cluster.advance(150)
    }
    return [cluster.bytes, cluster.counts, cluster.replica('m2').root()]
  }
  assert.equal(run(), run())
})

test.run()
