/** Who died and who knew: true deaths are timed, false ones counted once, late news is neither. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Deaths } from '../../../sim/metrics/deaths.ts'

const deaths = suite('sim/metrics/deaths')
const second = 1_000_000

deaths('a death is timed to its first and last witness', () => {
  const held = new Deaths()
  held.started(7, 0)
  held.died(7, 3, 100 * second)
  for (const at of [101, 102, 104]) held.noticed(1, 7, false, at * second)
  const [death] = held.all
  assert.equal(
    [death!.firstKnewUs, death!.lastKnewUs, death!.knew],
    [101 * second, 104 * second, 3],
  )
  assert.is(held.detection.count, 3)
  assert.is(held.detection.max, 4 * second)
  assert.is(held.falseDeaths, 0)
})

deaths('who was not there when it happened did not detect it', () => {
  const held = new Deaths()
  held.started(7, 0)
  held.started(1, 0)
  held.died(7, 2, 100 * second)
  held.started(2, 105 * second)
  held.noticed(2, 7, false, 106 * second)
  held.noticed(1, 7, false, 103 * second)
  assert.equal([held.detection.count, held.detection.max], [1, 3 * second])
  assert.is(held.all[0]!.knew, 1)
})

deaths('a living member held for dead counts once, however many follow', () => {
  const held = new Deaths()
  held.started(7, 0)
  for (const ms of [0, 100, 200, 5000]) held.noticed(1, 7, true, 60 * second + ms * 1000)
  assert.is(held.falseDeaths, 1)
  held.noticed(1, 7, true, 200 * second)
  assert.is(held.falseDeaths, 2)
  assert.is(held.detection.count, 0)
})

deaths('news of an earlier death, or of one beyond a healed cut, is late', () => {
  const held = new Deaths()
  held.started(7, 0)
  held.died(7, 3, 100 * second)
  held.started(7, 101 * second)
  held.noticed(1, 7, true, 103 * second)
  held.healedUs = 300 * second
  held.noticed(1, 8, true, 305 * second)
  assert.is(held.falseDeaths, 0)
  assert.is(held.late, 2)
})

deaths('one that cannot be reached is not held for dead falsely', () => {
  const held = new Deaths()
  held.started(7, 0)
  held.noticed(1, 7, false, 60 * second)
  assert.equal([held.falseDeaths, held.late], [0, 0])
})

deaths.run()
