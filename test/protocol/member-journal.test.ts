/** What a restarted member knows of the others, and what it has forgotten for good. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultConfig } from '../../protocol/config.ts'
import { createCore } from '../../protocol/core.ts'
import type { Effect, StoreWrite } from '../../protocol/effect.ts'
import {
  firstIncarnation,
  journaledMembers,
  memberForgetting,
  memberWrite,
} from '../../protocol/member-journal.ts'

const journal = suite('member-journal')

journal('gives back what was written, a suspicion as alive, and never the member itself', () => {
  const updates = [
    { member: 'a', incarnation: 3, state: 'alive' },
    { member: 'b', incarnation: 1, state: 'suspect' },
    { member: 'c', incarnation: 2, state: 'left' },
  ] as const
  assert.equal(journaledMembers(updates.map(memberWrite), 'a'), [
    { member: 'b', incarnation: 1, state: 'alive' },
    { member: 'c', incarnation: 2, state: 'left' },
  ])
  assert.equal(journaledMembers([{ key: 'member/b', value: 'nonsense' }], 'a'), [])
})

journal(
  'a new life begins with the number of its starts, or above what the last one claimed',
  () => {
    const claimed = (incarnation: number) => [
      memberWrite({ member: 'a', incarnation, state: 'alive' }),
      memberWrite({ member: 'b', incarnation: 99, state: 'alive' }),
    ]
    assert.is(firstIncarnation([], { self: 'a', epoch: 4 }), 4)
    assert.is(firstIncarnation(claimed(3), { self: 'a', epoch: 4 }), 4)
    assert.is(firstIncarnation(claimed(5_000_000), { self: 'a', epoch: 4 }), 5_000_001)
  },
)

journal('a member that was dead for its time is deleted from the journal', () => {
  const dead = { member: 'b', incarnation: 1, state: 'down' } as const
  const core = createCore({
    config: { ...defaultConfig, memberRetentionMs: 5000 },
    self: 'a',
    seed: 1,
    seal: { sign: () => new Uint8Array(64), verify: () => true },
    journal: [memberWrite(dead)],
    node: {
      name: 'a',
      addresses: [],
      labels: {},
      capacity: { cpu: 1000, memory: 1000, disk: 0, gpu: 0 },
      runtimes: ['process'],
      host: '127.0.0.1',
      version: 'test',
      awayUntil: null,
    },
  })
  const written: StoreWrite[] = []
  let persisted: number[] = []
  const take = (effects: readonly Effect[]) => {
    for (const effect of effects)
      if (effect.type === 'persist') {
        written.push(...effect.writes)
        persisted.push(effect.id)
      }
  }
  for (let now = 0; now <= 45_000; now += 100) {
    take(core.step({ type: 'tick' }, now))
    for (const id of persisted.splice(0)) take(core.step({ type: 'persisted', id }, now))
  }
  persisted = []
  assert.equal(
    written.filter(({ key }) => key === 'member/b'),
    [memberForgetting('b')],
  )
  assert.is(core.view().memberState('b'), undefined)
})

journal.run()
