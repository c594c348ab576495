import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { millisOf } from '../../../protocol/base/id.ts'
import { HybridClock, isTooFarAhead, stampAt } from '../../../protocol/replication/clock.ts'

const test = suite('hybrid clock')

type Act = ['tick', now: number] | ['observe', stamp: number]

const table: [name: string, acts: Act[], last: number][] = [
  ['follows the wall clock', [['tick', 1000]], 1000 * 4096],
  [
    'counts within a millisecond',
    [
      ['tick', 1000],
      ['tick', 1000],
    ],
    1000 * 4096 + 1,
  ],
  [
    'starts again with the next',
    [
      ['tick', 1000],
      ['tick', 1001],
    ],
    1001 * 4096,
  ],
  [
    'goes on when the wall clock jumps back',
    [
      ['tick', 1000],
      ['tick', 10],
    ],
    1000 * 4096 + 1,
  ],
  [
    'is greater than what was seen',
    [
      ['observe', 5000 * 4096 + 7],
      ['tick', 10],
    ],
    5000 * 4096 + 8,
  ],
  [
    'forgets what was seen once time has passed',
    [
      ['observe', 4096],
      ['tick', 9],
    ],
    9 * 4096,
  ],
  [
    'runs over into the milliseconds',
    [
      ['observe', 4095],
      ['tick', 0],
    ],
    4096,
  ],
]

for (const [name, acts, last] of table) {
  test(name, () => {
    const clock = new HybridClock()
    let stamp = 0
    for (const act of acts)
      if (act[0] === 'tick') stamp = clock.tick(act[1])
      else clock.observe(act[1])
    assert.is(stamp, last)
    assert.is(clock.read(0), last)
  })
}

test('stamps only grow, whatever the wall clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000_000_000_000)), (clockReadings) => {
      const clock = new HybridClock()
      let last = -1
      for (const now of clockReadings) {
        const stamp = clock.tick(now)
        assert.ok(stamp > last && Number.isSafeInteger(stamp))
        last = stamp
      }
    }),
  )
})

test('a stamp tells its time', () => {
  assert.is(millisOf(stampAt(1_700_000_000_000)), 1_700_000_000_000)
  assert.is(millisOf(stampAt(5) + 4095), 5)
})

test('stamps are refused beyond the drift that is allowed', () => {
  assert.not(isTooFarAhead(stampAt(160), 100, 60))
  assert.ok(isTooFarAhead(stampAt(160) + 1, 100, 60))
})

test.run()
