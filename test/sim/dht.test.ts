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

dht('a table knows the nearest of all, and of a crowded part only some', () => {
  const table = new DhtTable(20, () => [])
  const members = 5000
  for (let host = 0; host < members; host++) table.add(host, `member-${host}`)
  const place = table.placeOf(17)
  const distance = (host: number) => (table.placeOf(host) ^ place) >>> 0
  const all = Array.from({ length: members }, (_, host) => host)
  const nearest = all.sort((a, b) => distance(a) - distance(b)).slice(0, 21)
  assert.equal(table.closest(place, 21), nearest)
  assert.equal(table.closestKnown(17, place, 20), nearest.slice(1))
  const far = all.at(-1)!
  const known = table.closestKnown(far, place, 20)
  assert.is(known.length, 20)
  assert.not.equal(known, nearest.slice(0, 20))
  assert.ok(known.every((host) => table.placeOf(host) >>> 26 === place >>> 26))
})

dht('a walk in a large space ends at the nearest, in a few steps', () => {
  const members = 5000
  const k = 20
  const table = new DhtTable(k, () => [])
  for (let host = 0; host < members; host++) table.add(host, `member-${host}`)
  for (const from of [1, 99, 1234]) {
    const place = Math.imul(from, 0x9e3779b1) >>> 0
    const distance = (host: number) => (table.placeOf(host) ^ place) >>> 0
    const walked = walk({
      start: table.closestKnown(from, place, k),
      k,
      limitUs: 10 * second,
      distance,
      closer: (host) => table.closestKnown(host, place, k),
      ask: () => ({ us: 1000, isThere: true }),
    })
    const reached = walked.answers.map(({ host }) => host).sort((a, b) => distance(a) - distance(b))
    const nearest = table.closest(place, k)
    const hits = nearest.filter((host) => host === from || reached.slice(0, k).includes(host))
    assert.ok(hits.length >= k - 2, `${hits.length} of the ${k} nearest`)
    assert.ok(Math.max(...walked.answers.map(({ depth }) => depth)) <= 6)
    assert.ok(walked.asked >= k && walked.asked < 400, String(walked.asked))
  }
})

dht.run()
