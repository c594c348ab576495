/** The first thing on a new link is who its ends are, and a newcomer is made known to all. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Effect } from '../../../protocol/effect.ts'
import type { ReplicationMessage } from '../../../protocol/replication/message.ts'
import type { Replica } from '../../../protocol/replication/replica.ts'
import { makeReplica } from './kit.ts'

const introductions = suite('replication/introduction')
const now = 1_700_000_000_000

function member(self: string): Replica {
  const replica = makeReplica({ self })
  replica.writeOwn(`node/${self}`, { name: `name of ${self}` }, now)
  replica.takeBatch(now)
  return replica
}

function introduce(from: Replica, to: Replica): ReplicationMessage {
  const out: Effect[] = []
  from.introduce(to.self, out)
  const [sent] = out
  if (sent?.type !== 'send' || out.length > 1) throw new Error('one message is expected')
  to.onMessage(from.self, sent.message as ReplicationMessage, now, [])
  return sent.message as ReplicationMessage
}

introductions('a member has a name as soon as its link is open', () => {
  const [a, b] = [member('a'), member('b')]
  introduce(a, b)
  assert.equal(b.value('node/a'), { name: 'name of a' })
})

introductions('whoever meets a newcomer first tells all of it, and of others nobody', () => {
  const [a, b, c] = [member('a'), member('b'), member('c')]
  assert.equal(introduce(a, b).type, 'introduce')
  const later = now + 1000
  assert.equal(
    b.takeBatch(later).map(({ key }) => key),
    ['node/a'],
  )
  introduce(b, c)
  assert.equal(c.value('node/b'), { name: 'name of b' })
  assert.equal(c.takeBatch(later), [])
})

introductions('one that came already is not told again', () => {
  const [a, b] = [member('a'), member('b')]
  introduce(a, b)
  b.takeBatch(now + 1000)
  introduce(a, b)
  assert.equal(b.takeBatch(now + 2000), [])
})

introductions('a forged record is refused', () => {
  const b = member('b')
  const [record] = member('a').versions('node/a')
  const forged = { ...record!, body: { name: 'another' } }
  b.onMessage('a', { type: 'introduce', isNew: true, records: [forged] }, now, [])
  assert.is(b.get('node/a'), undefined)
  assert.equal(
    b.takeRejections().map(({ reason }) => reason),
    ['wrong-signature'],
  )
  assert.equal(b.takeBatch(now + 1000), [])
})

introductions.run()
