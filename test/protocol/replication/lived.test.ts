/** Who gives up its past for whom, as a table; each row is read from both sides. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Lived, yieldsTo } from '../../../protocol/replication/lived.ts'

const lived = suite('what a replica has lived through')

/** Hours; more than 22 are too long. */
const long: [number, number] = [100, 130]
const before: [number, number] = [40, 70]

function history(
  change: Partial<{ [field in 'off' | 'alone']: [number, number] }>,
  origin = 1,
): Lived {
  const interval = ([from, to]: [number, number]) => ({ from, to })
  const { off, alone } = change
  return {
    origin,
    ...(off && { off: interval(off) }),
    ...(alone && { alone: interval(alone) }),
  }
}

const always = history({})
const table: [rule: string, a: Lived, b: Lived, whoYields: 'a' | 'b' | 'nobody'][] = [
  ['neither was away', always, always, 'nobody'],
  ['one was off', history({ off: long }), always, 'a'],
  ['a short time is nothing', history({ off: [100, 120] }), always, 'nobody'],
  [
    'all were off: the power was out',
    history({ off: long }),
    history({ off: [101, 132] }),
    'nobody',
  ],
  [
    'it was off for much longer than the others',
    history({ off: [50, 130] }),
    history({ off: long }),
    'a',
  ],
  [
    'it has taken over the history of the other',
    history({ off: long }),
    history({ off: long }),
    'nobody',
  ],
  [
    'each was off at another time: the later one',
    history({ off: before }),
    history({ off: long }),
    'b',
  ],
  ['one was alone', history({ alone: long }), always, 'a'],
  [
    'the last one alive, and one that was off',
    history({ alone: long }),
    history({ off: long }),
    'b',
  ],
  [
    'both were alone at the same time: the second by name',
    history({ alone: long }),
    history({ alone: [101, 131] }),
    'b',
  ],
  [
    'it has taken over from one that was alone',
    history({ alone: long }),
    history({ alone: [100, 131] }),
    'nobody',
  ],
  [
    'alone, long ago, and alone just now',
    history({ alone: before }),
    history({ alone: long }),
    'b',
  ],
  ['nothing in common', history({ off: long }, 1), history({}, 2), 'nobody'],
  [
    'off counts before alone',
    history({ off: before, alone: long }),
    history({ alone: [101, 131] }),
    'a',
  ],
]

for (const [rule, a, b, whoYields] of table)
  lived(rule, () => {
    const patienceMs = 22
    const yields = {
      a: yieldsTo(a, b, { self: 'm1', other: 'm2', patienceMs }),
      b: yieldsTo(b, a, { self: 'm2', other: 'm1', patienceMs }),
    }
    assert.equal(yields, { a: whoYields === 'a', b: whoYields === 'b' })
  })

lived.run()
