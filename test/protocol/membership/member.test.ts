/** Which of two claims wins, over the whole of a small space. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../../protocol/limits.ts'
import {
  isBelievable,
  isPresent,
  type MemberState,
  supersedes,
} from '../../../protocol/membership/member.ts'

const member = suite('membership/member')
const states: MemberState[] = ['alive', 'suspect', 'down', 'left']

member('a higher incarnation wins, whatever the states', () => {
  for (const newer of states)
    for (const older of states) {
      assert.ok(supersedes({ incarnation: 2, state: newer }, { incarnation: 1, state: older }))
      assert.not(supersedes({ incarnation: 1, state: older }, { incarnation: 2, state: newer }))
    }
})

member('within one incarnation: alive < suspect < down < left', () => {
  const wins = states.map((a) =>
    states.map((b) => supersedes({ incarnation: 1, state: a }, { incarnation: 1, state: b })),
  )
  assert.equal(wins, [
    [false, false, false, false],
    [true, false, false, false],
    [true, true, false, false],
    [true, true, true, false],
  ])
})

member('an incarnation may go up as often as a member can start, and a newcomer has any', () => {
  const leap = limits.incarnationLeap
  const table: [incarnation: number, held: number | undefined, isBelieved: boolean][] = [
    [0, undefined, true],
    [limits.incarnation, undefined, true],
    [1, 5, true],
    [5 + leap, 5, true],
    [6 + leap, 5, false],
    [limits.incarnation, 5, false],
  ]
  for (const [incarnation, held, isBelieved] of table)
    assert.is(isBelievable(incarnation, held), isBelieved, `${incarnation} after ${held}`)
})

member('the suspect is still counted on', () => {
  assert.equal(states.filter(isPresent), ['alive', 'suspect'])
})

member.run()
