/** SWIM with memberlist's settings: its formulas, and that it finds the dead and clears the living. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BroadcastQueue, type Update } from '../../../sim/baseline/swim/broadcast-queue.ts'
import { SwimGroup } from '../../../sim/baseline/swim/group.ts'
import {
  pushPullUs,
  retransmitLimit,
  suspicionTimes,
  suspicionUs,
} from '../../../sim/baseline/swim/settings.ts'

const swim = suite('sim/baseline swim')
const second = 1_000_000

swim('the figures that follow from the default settings', () => {
  const table: [members: number, min: number, max: number, sends: number, pushPull: number][] = [
    [100, 8, 48, 12, 90],
    [1000, 12, 72, 16, 180],
    [10_000, 16, 96, 20, 300],
    [100_000, 20, 120, 24, 390],
  ]
  for (const [members, min, max, sends, pushPull] of table) {
    const times = suspicionTimes(members)
    assert.equal([times.minUs / second, times.maxUs / second], [min, max])
    assert.is(retransmitLimit(members), sends)
    assert.is(pushPullUs(members) / second, pushPull)
    assert.is(suspicionUs(times, 0), times.maxUs)
    assert.is(suspicionUs(times, 2), times.minUs)
    assert.ok(suspicionUs(times, 1) > times.minUs && suspicionUs(times, 1) < times.maxUs)
  }
})

swim(
  'an update is told a limited number of times, the least told first, the newest of a subject',
  () => {
    const queue = new BroadcastQueue()
    const update = (subject: number, incarnation: number): Update => ({
      subject,
      incarnation,
      state: 'alive',
      from: 0,
    })
    queue.add(update(1, 1))
    queue.add(update(1, 2))
    assert.equal(queue.take(5, 2), [update(1, 2)])
    queue.add(update(2, 1))
    assert.equal(queue.take(1, 2), [update(2, 1)])
    assert.is(queue.take(5, 2).length, 2)
    assert.ok(queue.isEmpty)
  },
)

function network(lossPermille: number) {
  return { latencyMinUs: 200, latencyMaxUs: 5000, lossPermille, duplicatePermille: 0 }
}

swim('a dead member is known to all after a suspicion, the same for the same seed', () => {
  const run = (): SwimGroup => {
    const group = new SwimGroup({ seed: 5, members: 40, network: network(0) })
    group.run(5 * second)
    group.powerOff(7)
    group.run(30 * second)
    return group
  }
  const group = run()
  assert.ok(group.isKnownToAll(7))
  assert.is(group.knew.get(7), 39)
  assert.is(group.falseDeaths.size, 0)
  const { minUs, maxUs } = suspicionTimes(40)
  assert.ok(group.detection.quantile(0)! >= minUs && group.detection.max <= maxUs + 3 * second)
  assert.is(run().datagrams, group.datagrams)
})

swim('a quiet group costs a probe and its answer a member and second', () => {
  const group = new SwimGroup({ seed: 6, members: 40, network: network(0) })
  group.run(20 * second)
  const each = group.datagrams / 40 / 20
  assert.ok(each > 1.8 && each < 2.2, `${each}`)
})

swim('with loss the living are cleared: through others, over TCP, by their own word', () => {
  const group = new SwimGroup({ seed: 7, members: 40, network: network(50) })
  group.run(60 * second)
  assert.is(group.falseDeaths.size, 0)
  group.powerOff(3)
  group.run(40 * second)
  assert.ok(group.isKnownToAll(3))
})

swim.run()
