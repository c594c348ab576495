/** How long a suspicion lasts, as a table, and how trust in our own senses stretches it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Awareness } from '../../../protocol/membership/awareness.ts'
import { suspicionTimeoutMs, witnesses } from '../../../protocol/membership/suspicion.ts'

const suspicion = suite('membership/suspicion')
const bounds = { minMs: 1000, maxMs: 10_000 }

suspicion('from the longest with no confirmation to the shortest with enough', () => {
  const table: [confirmations: number, others: number, ms: number][] = [
    [0, 0, 1000],
    [0, 1, 10_000],
    [1, 1, 1000],
    [0, 3, 10_000],
    [1, 3, 5500],
    [2, 3, 2864],
    [3, 3, 1000],
    [0, 9, 10_000],
    [1, 9, 5500],
    [2, 9, 2864],
    [3, 9, 1000],
    [12, 9, 1000],
  ]
  for (const [confirmations, others, ms] of table)
    assert.is(
      suspicionTimeoutMs({ confirmations, others }, bounds),
      ms,
      `${confirmations}/${others}`,
    )
})

suspicion('each confirmation shortens it, and it stays an integer between the bounds', () => {
  for (let others = 1; others <= 10; others++) {
    let previous = Number.POSITIVE_INFINITY
    const enough = Math.min(others, witnesses)
    for (let confirmations = 0; confirmations <= enough; confirmations++) {
      const ms = suspicionTimeoutMs({ confirmations, others }, bounds)
      assert.ok(ms < previous && ms >= bounds.minMs && ms <= bounds.maxMs && Number.isInteger(ms))
      previous = ms
    }
  }
})

suspicion('a late loop makes it slower, success makes it quick again, within bounds', () => {
  const awareness = new Awareness()
  assert.is(awareness.multiplier, 1)
  awareness.late(100)
  assert.is(awareness.multiplier, 1)
  awareness.late(600)
  assert.is(awareness.multiplier, 3)
  for (let i = 0; i < 20; i++) awareness.late(5000)
  assert.is(awareness.multiplier, 9)
  for (let i = 0; i < 20; i++) awareness.change(-1)
  assert.is(awareness.multiplier, 1)
})

suspicion.run()
