/** What becomes of the allocations of a member that is not simply there. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type FateFacts, fateOf } from '../../../protocol/placement/fate.ts'

const fate = suite('protocol/placement/fate')

const facts: FateFacts = {
  state: 'down',
  missingSince: 100_000,
  awayUntil: null,
  writtenAt: 50_000,
  isOfLaterLife: false,
  lostAfterMs: 0,
  unknownMemberMs: 5000,
  now: 110_000,
}

/** [what is special, fate, until]. */
const rules: [string, Partial<FateFacts>, string, number?][] = [
  ['alive', { state: 'alive' }, 'here'],
  ['suspect', { state: 'suspect' }, 'suspect'],
  ['down', {}, 'lost'],
  ['down, with a patient job', { lostAfterMs: 20_000 }, 'away', 120_000],
  ['down, with a job that was patient', { lostAfterMs: 9000 }, 'lost'],
  ['away on purpose', { awayUntil: 150_000 }, 'away', 150_000],
  ['away for too long', { awayUntil: 109_000 }, 'lost'],
  ['unknown', { state: undefined, missingSince: 107_000 }, 'away', 112_000],
  ['unknown for long', { state: undefined }, 'lost'],
  ['left', { state: 'left', lostAfterMs: 20_000 }, 'lost'],
  ['its record says that it is back', { writtenAt: 109_900 }, 'away', 114_900],
  [
    'left, and its record says that it is back',
    { state: 'left', writtenAt: 109_900 },
    'away',
    114_900,
  ],
  [
    'its next life has begun, before the end of the last was noticed',
    { missingSince: 109_900, writtenAt: 109_800, isOfLaterLife: true },
    'away',
    114_800,
  ],
  ['its next life has begun, and was not heard of again', { isOfLaterLife: true }, 'lost'],
  ['it said so, and was not heard of again', { writtenAt: 104_000 }, 'lost'],
  ['no record of it is known', { writtenAt: null }, 'lost'],
]

for (const [name, special, type, until] of rules)
  fate(name, () => {
    assert.equal(fateOf({ ...facts, ...special }), until === undefined ? { type } : { type, until })
  })

fate.run()
