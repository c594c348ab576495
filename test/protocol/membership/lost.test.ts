import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hashText } from '../../../protocol/base/hash.ts'
import { seekSalt, turnToSeek } from '../../../protocol/membership/lost.ts'

const lost = suite('membership/lost')
const now = 1_700_000_000_000
const intervalMs = 3000
const markOf = (member: string) => hashText(member, seekSalt)

lost('a turn is always to come, and comes to each member', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 500 }),
      fc.nat({ max: 10 ** 9 }),
      (self, present, gone, later) => {
        const at = turnToSeek(markOf(self), { present, lost: gone }, intervalMs, now + later)
        const every = Math.max(1, Math.floor(present / (2 * gone)))
        assert.ok(at > now + later)
        assert.ok(at <= now + later + (every + 1) * intervalMs, `${at}`)
      },
    ),
  )
})

lost('each of the lost is sought about twice in an interval, however large the cluster is', () => {
  for (const [present, gone] of [
    [4, 1],
    [50, 3],
    [1000, 1],
    [3000, 20],
  ] as const) {
    const intervals = 40
    let turns = 0
    for (let i = 0; i < present; i++) {
      let at = now
      for (;;) {
        at = turnToSeek(markOf(`m${i}`), { present, lost: gone }, intervalMs, at)
        if (at > now + intervals * intervalMs) break
        turns++
      }
    }
    const each = turns / intervals / gone
    assert.ok(each >= 1.5 && each <= 3, `${each} of ${present}`)
  }
})

lost.run()
