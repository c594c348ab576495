import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import {
  compareRecords,
  type ReplicaRecord,
  versionsKept,
} from '../../../protocol/replication/record.ts'
import { RecordMap } from '../../../protocol/replication/record-map.ts'

const test = suite('record map')

const never = -1
const signature = new Uint8Array(0)

const author = fc.constantFrom('m1', 'm2', 'm3')
const key = author.chain((owner) =>
  fc.constantFrom('job/a/spec', 'job/b/spec', 'unknown/kind', `alloc/${owner}/1`, `node/${owner}`),
)
const writes = fc.array(
  fc.record({
    author,
    key,
    stamp: fc.nat(12),
    body: fc.constantFrom('x', 'y', null),
  }),
  { maxLength: 60 },
)

/** Dots are unique, as they are in life. */
function recordsOf(list: { author: string; key: string; stamp: number; body: string | null }[]) {
  return list.map(
    (each, i): ReplicaRecord => ({ ...each, counter: i + 1, replaces: null, signature }),
  )
}

function joinAll(map: RecordMap, records: readonly ReplicaRecord[], expired = never): RecordMap {
  for (const record of records) if (!map.covers(record, expired)) map.join(record, expired)
  return map
}

function contents(map: RecordMap): unknown {
  return [...map.tree.items('')].map(({ key, versions, counted }) => [
    key,
    versions.slice(0, counted),
  ])
}

/** The definition: of each key the greatest records. */
function oracle(records: readonly ReplicaRecord[]): Map<string, ReplicaRecord[]> {
  const byKey = new Map<string, ReplicaRecord[]>()
  for (const record of records) byKey.set(record.key, [...(byKey.get(record.key) ?? []), record])
  for (const [key, list] of byKey)
    byKey.set(key, list.sort((a, b) => compareRecords(b, a)).slice(0, versionsKept(key)))
  return byKey
}

const shuffles = fc.infiniteStream(fc.nat(1_000_000))

function shuffled<T>(list: readonly T[], draws: Iterator<number>): T[] {
  return list
    .map((each) => ({ each, at: draws.next().value as number }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each)
}

test('holds the greatest records of each key, and counts them', () => {
  fc.assert(
    fc.property(writes, (list) => {
      const records = recordsOf(list)
      const map = joinAll(new RecordMap(), records)
      const expected = oracle(records)
      for (const [key, versions] of expected) assert.equal(map.get(key)?.versions, versions)
      const held = [...expected.values()]
      assert.equal(map.size(), {
        records: held.flat().length,
        tombstones: held.filter((versions) => versions[0]!.body === null).length,
      })
      const live = [...expected].filter(([, versions]) => versions[0]!.body !== null)
      assert.equal(map.keys(''), live.map(([key]) => key).sort())
    }),
  )
})

test('join is commutative, associative and idempotent', () => {
  fc.assert(
    fc.property(writes, shuffles, fc.nat(60), (list, draws, cut) => {
      const records = recordsOf(list)
      const one = joinAll(new RecordMap(), records)
      const order = shuffled([...records, ...records.slice(cut)], draws)
      const other = joinAll(new RecordMap(), order)
      assert.is(other.tree.root(), one.tree.root())
      assert.equal(contents(other), contents(one))
      // What another replica holds is as good as what it was offered.
      const part = joinAll(new RecordMap(), records.slice(0, cut))
      const rest = joinAll(new RecordMap(), records.slice(cut))
      for (const { versions } of rest.tree.items('')) joinAll(part, versions)
      assert.is(part.tree.root(), one.tree.root())
    }),
  )
})

test('roots are equal exactly when contents are', () => {
  fc.assert(
    fc.property(writes, writes, (one, other) => {
      const records = recordsOf([...one, ...other])
      const a = joinAll(new RecordMap(), records.slice(0, one.length))
      const b = joinAll(new RecordMap(), records)
      const areEqual = JSON.stringify(contents(a)) === JSON.stringify(contents(b))
      assert.is(a.tree.root() === b.tree.root(), areEqual)
    }),
  )
})

test('says which records were pushed out, and whether the value changed', () => {
  const map = new RecordMap()
  const write = (stamp: number, key = 'job/a/spec'): ReplicaRecord => ({
    author: 'm1',
    counter: stamp,
    key,
    stamp,
    replaces: null,
    body: stamp,
    signature,
  })
  for (let stamp = 2; stamp <= limits.versionsPerKey + 1; stamp++)
    assert.equal(map.join(write(stamp), never), { valueChanged: true, dropped: [] })
  assert.ok(map.covers(write(1), never))
  assert.equal(map.join(write(100), never), { valueChanged: true, dropped: [write(2)] })
  assert.equal(map.join(write(50), never), { valueChanged: false, dropped: [write(3)] })
  map.join(write(1, 'node/m1'), never)
  assert.equal(map.join(write(2, 'node/m1'), never).dropped, [write(1, 'node/m1')])
})

test('with tombstones expired, members agree whether or not they still hold them', () => {
  fc.assert(
    fc.property(writes, shuffles, fc.nat(12), (list, draws, expired) => {
      const records = recordsOf(list)
      const before = joinAll(new RecordMap(), records)
      for (const key of new Set(records.map((record) => record.key))) before.recount(key, expired)
      const after = joinAll(new RecordMap(), shuffled(records, draws))
      for (const key of new Set(records.map((record) => record.key))) {
        const entry = after.recount(key, expired)!
        if (entry.counted < entry.versions.length) after.forgetUncounted(entry)
      }
      assert.is(after.tree.root(), before.tree.root())
      assert.is(after.size().records, [...after.tree.items('')].flatMap((e) => e.versions).length)
      assert.is(
        after.size().tombstones,
        [...after.tree.items('')].filter((entry) => entry.versions[0]!.body === null).length,
      )
      // What counts at one member changes nothing at the other.
      for (const { versions, counted } of before.tree.items(''))
        for (const record of versions.slice(0, counted)) assert.ok(after.covers(record, expired))
    }),
  )
})

test.run()
