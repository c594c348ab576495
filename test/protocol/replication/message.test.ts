import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeCanonical, encodeCanonical } from '../../../protocol/base/bytes.ts'
import { check, type Schema } from '../../../protocol/base/schema.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { limits } from '../../../protocol/limits.ts'
import { recordSchema, replicationMessages } from '../../../protocol/replication/message.ts'
import {
  isSignedByAuthor,
  recordSize,
  signedBytes,
} from '../../../protocol/replication/signature.ts'
import { makeRecord, makeReplica, toySeal } from './kit.ts'

const test = suite('replication messages')

const good = makeRecord({ author: 'm1', counter: 7, key: 'job/a/spec' })

const table: [name: string, change: { [field: string]: unknown }, isGood: boolean][] = [
  ['a record', {}, true],
  ['a tombstone', { body: null }, true],
  ['a body of bytes', { body: new Uint8Array(9) }, true],
  ['one that replaces another', { replaces: { author: 'm2', counter: 1 } }, true],
  ['a field of a later version', { later: [1, 2] }, true],
  ['the largest body', { body: new Uint8Array(limits.recordBodyBytes) }, true],
  ['a body that is too large', { body: new Uint8Array(limits.recordBytes) }, false],
  ['later fields that are too large', { later: new Uint8Array(limits.recordBytes) }, false],
  ['no author', { author: '' }, false],
  ['an author that is too long', { author: 'm'.repeat(limits.memberIdLength + 1) }, false],
  ['a key that is too long', { key: 'k'.repeat(limits.keyLength + 1) }, false],
  ['a negative counter', { counter: -1 }, false],
  ['a stamp that is no integer', { stamp: 1.5 }, false],
  ['a dot without a counter', { replaces: { author: 'm2' } }, false],
  ['no body at all', { body: undefined }, false],
  ['a signature that is too long', { signature: new Uint8Array(65) }, false],
]

for (const [name, change, isGood] of table) {
  test(`${isGood ? 'takes' : 'refuses'} ${name}`, () => {
    assert.is(check(recordSchema, { ...good, ...change }).ok, isGood)
  })
}

test('the signature covers every other field, also unknown ones, in any order', () => {
  const { signature, body, ...rest } = good
  assert.equal(signedBytes({ body, signature, ...rest }), signedBytes(good))
  assert.ok(isSignedByAuthor({ body, signature, ...rest }, toySeal('m2')))
  for (const change of [{ body: 'y' }, { stamp: 8 }, { key: 'job/b/spec' }, { later: 1 }])
    assert.not(isSignedByAuthor({ ...good, ...change }, toySeal('m2')), JSON.stringify(change))
})

test('the size is that of the encoding', () => {
  assert.is(recordSize(good), encodeCanonical(good as unknown as Value).length)
  assert.is(recordSize(good), recordSize(good))
})

test('lists that belong together have the same length', () => {
  const nodes = (paths: string[], hashes: number) => ({
    type: 'sync-ask',
    id: 1,
    root: new Uint8Array(8),
    wanted: { paths, hashes: new Array(hashes).fill(new Uint8Array(8)) },
  })
  assert.ok(check(replicationMessages['sync-ask'], nodes(['a', ''], 2)).ok)
  assert.not(check(replicationMessages['sync-ask'], nodes(['a'], 2)).ok)
  assert.not(check(replicationMessages['sync-ask'], nodes(['x'], 1)).ok)
  assert.not(check(replicationMessages['sync-ask'], nodes(['123456789'], 1)).ok)
})

const path = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), maxLength: 8 })
const hashes = fc.uint8Array({ maxLength: 8 * limits.syncListed })
const nodes = fc.array(fc.tuple(path, hashes), { maxLength: 20 }).map((list) => ({
  paths: list.map(([each]) => each),
  hashes: list.map(([, each]) => each),
}))
const root = fc.uint8Array({ maxLength: 8 })
const cursor = { key: fc.string({ minLength: 1 }), version: fc.nat(8) }
const records = fc.constant([good])
const anyMessage = fc.oneof(
  fc.record({ type: fc.constant('introduce'), isNew: fc.boolean(), records }),
  fc.record({ type: fc.constant('sync-root'), root, answer: fc.boolean() }),
  fc.record(
    { type: fc.constant('replicate'), id: fc.nat(9), records },
    { requiredKeys: ['type', 'id'] },
  ),
  fc.record({ type: fc.constant('replicated'), id: fc.nat(9) }),
  fc.record(
    {
      type: fc.constant('sync-ask'),
      id: fc.nat(9),
      root,
      recent: nodes,
      branches: nodes,
      wanted: nodes,
      after: fc.record(cursor),
      records,
    },
    { requiredKeys: ['type', 'id', 'root'] },
  ),
  fc.record(
    {
      type: fc.constant('sync-answer'),
      id: fc.nat(3),
      root,
      busy: fc.boolean(),
      branches: nodes,
      buckets: nodes,
      wanted: nodes,
      records,
      next: fc.record({ index: fc.nat(300), ...cursor }),
    },
    { requiredKeys: ['type', 'id', 'root'] },
  ),
)

test('whatever a member says, a replica answers within bounds and never throws', () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 12 }), (messages) => {
      const replica = makeReplica({ peers: () => ['m2', 'm3'] })
      for (let i = 0; i < 100; i++) replica.writeOwn(`alloc/m1/${i}`, i, 1000)
      const out: { type: string }[] = []
      replica.antiEntropy.onPeerRoot('m2', 'different', 1000)
      replica.onLinkOpened('m2', 1000, out)
      for (const [i, message] of messages.entries()) {
        const read = decodeCanonical(encodeCanonical(message as unknown as Value))
        const schemas: { [type: string]: Schema<unknown> } = replicationMessages
        const schema = schemas[message.type]!
        const checked = check(schema, read)
        if (!checked.ok) assert.unreachable(JSON.stringify(checked.issues))
        else replica.onMessage('m2', checked.value as never, 1000 + 5000 * i, out)
        replica.onDeadlines(1000 + 5000 * i, out)
      }
      assert.ok(out.length <= 6 * messages.length + 6)
      for (const effect of out)
        if (effect.type === 'send') {
          const { message } = effect as unknown as { message: Value }
          assert.ok(encodeCanonical(message).length < limits.messageBytes)
        }
    }),
    { numRuns: 300 },
  )
})

test.run()
