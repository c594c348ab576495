import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Broadcaster, isRejection } from '../../protocol/broadcaster.ts'
import type { Effect } from '../../protocol/effect.ts'
import type { Broadcast } from '../../protocol/message.ts'
import type { Availability } from '../../protocol/placement/availability.ts'
import { noResources } from '../../protocol/placement/resources.ts'
import { toySeal } from '../../sim/seal.ts'

const broadcaster = suite('broadcaster')
const [author, other] = ['a', 'b'].map(
  (self) => new Broadcaster({ self, epoch: 1, seal: toySeal(self) }),
) as [Broadcaster, Broadcaster]

function free(member: string): Availability {
  return { member, counter: 1, capacity: noResources, committed: noResources, used: noResources }
}

function published(availability: Availability | undefined): Broadcast {
  const out: Effect[] = []
  author.publish([], [], availability, out)
  const [effect] = out
  assert.ok(effect?.type === 'publish')
  return effect.broadcast
}

broadcaster('what its author has free comes with it, under its signature', () => {
  const broadcast = published(free('a'))
  const opened = other.open(broadcast)
  assert.ok(!isRejection(opened))
  assert.equal(opened.availability, free('a'))
  const forged = { ...broadcast, availability: { ...free('a'), counter: 2 } }
  const rejected = other.open(forged)
  assert.ok(isRejection(rejected) && rejected.reason === 'wrong-signature')
})

broadcaster('what it says of another has free is dropped', () => {
  const opened = other.open(published(free('c')))
  assert.ok(isRejection(opened) && opened.reason === 'not-the-owner')
})

broadcaster('left out where nothing has changed, it is not signed for', () => {
  const broadcast = published(undefined)
  assert.not('availability' in broadcast)
  assert.is(broadcast.signature.length, 0)
})

broadcaster.run()
