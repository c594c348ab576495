/**
 * Packets are lost, and nobody dies of it. Observers of a subject in a large cluster have no links to each other: when
 * each had to decide for itself, two of these two hundred were held for dead within the minute.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Simulator } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'

const loss = suite('sim/loss')
const secondUs = 1_000_000

loss('with one packet in ten lost, no living member is held for dead', () => {
  const simulator = new Simulator({ seed: 1, members: 200, network: { lossPermille: 100 } })
  startWarm(simulator)
  // Deaths within 20 s of a start do not count as false.
  simulator.run(75 * secondUs)
  assert.ok(simulator.network.counts.late > 1000)
  assert.is(simulator.metrics.deaths.late, 0)
  assert.is(simulator.metrics.deaths.falseDeaths, 0)
})

loss('and a silent death is noticed all the same, by all', () => {
  const simulator = new Simulator({ seed: 2, members: 60, network: { lossPermille: 100 } })
  startWarm(simulator)
  simulator.run(10 * secondUs)
  for (const host of [7, 31, 48]) {
    simulator.hosts[host]!.powerOff()
    const death = simulator.metrics.deaths.all.at(-1)!
    const isKnown = () => death.knew === death.others
    // A probe each second, half a second for its answer, a second of doubt, and gossip, twice.
    assert.ok(simulator.runUntil(isKnown, 6 * secondUs), `${death.knew} of ${death.others}`)
  }
  assert.is(simulator.metrics.deaths.falseDeaths, 0)
})

loss.run()
