/** The DHT's model: who finds what, how long a record outlives its provider, and what a walk costs. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DhtTable } from '../../sim/dht-table.ts'
import { walk } from '../../sim/dht-walk.ts'
import { boot } from '../../sim/scenario.ts'
import { Simulator } from '../../sim/simulator.ts'

const dht = suite('sim/dht')
const second = 1_000_000

function booted(members: number): Simulator {
  const simulator = new Simulator({ seed: 1, members, network: { latencyMaxUs: 1000 } })
  boot(simulator, [])
  return simulator
}

dht('a service is found by everyone, from all who provide it', () => {
  const simulator = booted(12)
  const [first, second_] = simulator.hosts
  first!.provide('web')
  second_!.provide('web')
  simulator.run(second)
  for (const host of simulator.hosts) {
    const { providers, stale } = simulator.dht.find(host, 'web')
    assert.equal(providers.map((each) => each.host).sort(), [0, 1])
    assert.is(stale, 0)
  }
  assert.equal(simulator.dht.find(first!, 'another').providers, [])
})

dht('a provider that is gone is found for as long as its record lives, and no longer', () => {
  const simulator = booted(12)
  const [first, other] = simulator.hosts
  first!.provide('web')
  // Renewed in time, again and again.
  simulator.run(400 * second)
  assert.is(simulator.dht.find(other!, 'web').providers.length, 1)
  assert.ok(simulator.dht.counts.renewed >= 3)
  first!.killAgent()
  simulator.run(30 * second)
  const { providers, stale } = simulator.dht.find(other!, 'web')
  assert.equal([providers.length, stale], [1, 1])
  assert.is(simulator.dht.counts.stale, 1)
  simulator.run(200 * second)
  assert.equal(simulator.dht.find(other!, 'web').providers, [])
})

dht('withdrawn, it is still a hint at the others, and none at the provider itself', () => {
  const simulator = booted(12)
  const [first, other] = simulator.hosts
  first!.provide('web')
  simulator.run(second)
  first!.withdraw('web')
  assert.is(simulator.dht.find(other!, 'web').stale, 1)
  simulator.run(200 * second)
  assert.equal(simulator.dht.find(other!, 'web').providers, [])
})

dht('members without power cost a walk a time-out each, and it still finds', () => {
  const simulator = booted(12)
  const [first, other] = simulator.hosts
  first!.provide('web')
  simulator.run(second)
  for (const host of simulator.hosts.slice(6)) host.powerOff()
  const { providers, walk: walked } = simulator.dht.find(other!, 'web')
  assert.is(providers.length, 1)
  assert.is(walked.failed, 6)
  assert.ok(walked.endUs >= 5 * second)
  assert.ok(providers[0]!.atUs < second, 'those that live answer first')
})

dht(
  'a host knows its links and whom it met in walks, of each part of the space the first twenty',
  () => {
    const table = new DhtTable(20, () => [1, 2])
    for (let host = 0; host < 5000; host++) table.add(host, `member-${host}`)
    assert.equal(table.closestKnown(0, table.placeOf(2), 20)[0], 2)
    assert.is(table.sizeOf(0), 2)
    for (let host = 0; host < 5000; host++) table.meet(0, host)
    // 64 parts of 20, and perhaps a link in a part that was full.
    assert.ok(table.sizeOf(0) >= 1280 && table.sizeOf(0) <= 1282, String(table.sizeOf(0)))
    table.forget(0)
    assert.is(table.sizeOf(0), 2)
  },
)

dht('a walk follows answers to the nearest, asks nobody twice, and ends at its limit', () => {
  // Each knows the next ten: places are their own numbers, the key is 0.
  const closer = (host: number) => Array.from({ length: 10 }, (_, i) => Math.max(0, host - 1 - i))
  const init = {
    start: [1000, 990],
    k: 20,
    limitUs: 10 * second,
    distance: (host: number) => host,
    closer,
    ask: () => ({ us: 1000, isThere: true }),
  }
  const walked = walk(init)
  const asked = walked.answers.map(({ host }) => host)
  assert.is(new Set(asked).size, asked.length)
  assert.ok(asked.includes(0))
  const depth = Math.max(...walked.answers.map((answer) => answer.depth))
  assert.ok(depth >= 99 && depth <= 105, String(depth))
  assert.is(walked.endUs, depth * 1000)
  assert.is(walk({ ...init, limitUs: 5000 }).endUs, 5000)
})

dht.run()
