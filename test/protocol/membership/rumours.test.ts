/** What is passed on with probes and acks, and what is not since all have it anyway. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import type { Effect } from '../../../protocol/effect.ts'
import type { MemberUpdate } from '../../../protocol/membership/member.ts'
import { Membership } from '../../../protocol/membership/membership.ts'
import type { Probe } from '../../../protocol/membership/message.ts'

const rumours = suite('membership/rumours')
const exchange = { root: '0'.repeat(16), clock: 0, availability: [] }
const down: MemberUpdate = { member: 'c', incarnation: 1, state: 'down' }

class Member {
  readonly membership = new Membership({
    config: defaultConfig,
    self: 'a',
    incarnation: 1,
    random: new Random(1),
    hooks: { exchangeFor: () => exchange, onExchange: () => {} },
  })
  readonly out: Effect[] = []

  constructor() {
    const others = ['b', 'c'].map((member) => ({ member, incarnation: 1, state: 'alive' }) as const)
    this.membership.seed(others)
    this.membership.start(0, this.out)
  }

  /** What it tells a neighbour that probes it. */
  tells(): readonly MemberUpdate[] {
    const probe: Probe = { type: 'probe', sequence: 1, incarnation: 1, updates: [], exchange }
    this.out.length = 0
    this.membership.onMessage('b', probe, 1, this.out)
    const [ack] = this.out
    return ack?.type === 'send' && ack.message.type === 'ack' ? ack.message.updates : []
  }
}

rumours('what a neighbour tells is passed on', () => {
  const member = new Member()
  member.membership.onMessage('b', { type: 'claim', updates: [down] }, 1, member.out)
  assert.equal(member.tells(), [down])
})

rumours('what comes by a broadcast is not: it goes to all', () => {
  const member = new Member()
  member.membership.applyUpdates([down], 1, member.out)
  assert.is(member.membership.stateOf('c'), 'down')
  assert.equal(member.tells(), [])
})

rumours('nor what a broadcast has made old news', () => {
  const member = new Member()
  member.membership.onMessage('b', { type: 'claim', updates: [down] }, 1, member.out)
  const back: MemberUpdate = { member: 'c', incarnation: 2, state: 'alive' }
  member.membership.applyUpdates([back], 1, member.out)
  assert.equal(member.tells(), [])
})

rumours.run()
