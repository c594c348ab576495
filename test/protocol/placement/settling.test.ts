import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Settling } from '../../../protocol/placement/settling.ts'
import { stampsPerMs } from './stage.ts'

const settling = suite('settling')
const config = { placementSettleMs: 1500, placementFormingMs: 500 }

/** Of a job that was born at one time, and edited at another. */
function job(bornMs: number, editedMs = bornMs) {
  return { id: 'web', born: bornMs * stampsPerMs, stamp: editedMs * stampsPerMs } as never
}

settling('who has just come leaves what was there before alone for longer than what is new', () => {
  const table: [bornMs: number, cameAt: number | undefined, until: number | undefined][] = [
    [9000, undefined, undefined],
    [9000, 10_000, 11_500],
    [10_000, 10_000, 11_500],
    [10_001, 10_000, 10_500],
  ]
  for (const [bornMs, cameAt, until] of table) {
    const waits = new Settling(config)
    if (cameAt !== undefined) waits.come(cameAt)
    assert.is(waits.until(job(bornMs), 10_001), until)
    if (until !== undefined) assert.is(waits.until(job(bornMs), until), undefined)
  }
})

settling('an edit does not make an old job new', () => {
  const waits = new Settling(config)
  waits.come(10_000)
  assert.is(waits.until(job(9000, 10_200), 10_200), 11_500)
})

settling('an old record that comes late has its job wait, each time anew', () => {
  const waits = new Settling(config)
  waits.note('web', 19_000, 20_000)
  assert.is(waits.until(job(1), 20_000), undefined, 'that is news')
  waits.note('web', 17_000, 20_000)
  assert.is(waits.until(job(1), 20_000), 21_500)
  waits.note('web', 17_000, 21_000)
  assert.is(waits.until(job(1), 21_400), 22_500)
  assert.is(waits.until(job(1), 22_500), undefined)
})

settling.run()
