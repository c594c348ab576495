import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../../protocol/base/random.ts'
import { defaultConfig } from '../../../protocol/config.ts'
import { limits } from '../../../protocol/limits.ts'
import type { Availability } from '../../../protocol/placement/availability.ts'
import { AvailabilityTable } from '../../../protocol/placement/availability-table.ts'

const availability = suite('availability')
const now = 1_700_000_000_000
const capacity = { cpu: 1000, memory: 1000, disk: 0, gpu: 0 }

function entry(member: string, counter: number, used = 0, committed = 0): Availability {
  const amounts = (cpu: number) => ({ ...capacity, cpu, memory: 0 })
  return { member, counter, capacity, committed: amounts(committed), used: amounts(used) }
}

function table(self = 'm0'): AvailabilityTable {
  return new AvailabilityTable({ config: defaultConfig, self })
}

availability('our own entry is told on when it says something new', () => {
  const own = table()
  const set = (used: number, committed: number, at: number) =>
    own.setOwn(entry('m0', at * 4096, used, committed), at)
  assert.ok(set(0, 0, now), 'the first')
  assert.not(set(49, 0, now + 1), 'a little more is used')
  assert.ok(set(50, 0, now + 2), 'a twentieth more is used')
  assert.ok(set(50, 1, now + 3), 'something was admitted')
  assert.not(set(50, 1, now + 4))
  assert.ok(set(50, 1, now + 3 + defaultConfig.availabilityIntervalMs), 'it is time')
})

availability(
  'the same is said again more rarely the more members there are, and among hundreds never',
  () => {
    for (const [members, afterMs] of [
      [30, 30_000],
      [60, 120_000],
      [320, 3_390_000],
      [400, undefined],
    ] as const) {
      const own = table()
      own.setOwn(entry('m0', 1), now)
      own.takeOwn(now)
      for (let i = 1; i < members; i++) own.learn('m1', [entry(`m${i}`, 1)], now)
      assert.is(own.deadline(), afterMs && now + afterMs, `${members}`)
      assert.not(own.setOwn(entry('m0', 2), now + (afterMs ?? 2 ** 40) - 1))
      assert.is(own.setOwn(entry('m0', 3), now + (afterMs ?? 2 ** 41)), afterMs !== undefined)
    }
  },
)

availability('each change has a greater counter, whatever the clock says', () => {
  const own = table()
  own.setOwn(entry('m0', 500), now)
  own.setOwn(entry('m0', 400, 100), now)
  assert.is(own.get('m0')!.counter, 501)
  own.learn('m1', [entry('m0', 900, 700)], now)
  assert.is(own.get('m0')!.used.cpu, 100, 'nobody else tells what we have')
  assert.ok(own.setOwn(entry('m0', 600, 100), now), 'others hold something that looks newer')
  assert.is(own.get('m0')!.counter, 901)
})

availability('only what is newer is learned, and what makes sense', () => {
  const own = table()
  assert.equal(own.learn('m1', [entry('m1', 5), entry('m2', 7)], now), ['m1', 'm2'])
  assert.equal(own.learn('m2', [entry('m1', 5), entry('m2', 6), entry('m3', 1)], now), ['m3'])
  const drifted = (now + defaultConfig.maxClockDriftMs) * 4096 + 1
  const nonsense = [
    entry('m4', drifted),
    entry('m5', -1),
    entry('m6', 1, -1),
    entry('m7', 1, 0, -1),
  ]
  assert.equal(own.learn('m1', nonsense, now), [])
})

availability('a peer is told once, newest first, and not what it said itself', () => {
  const own = table()
  own.learn('m1', [entry('m1', 1), entry('m2', 1), entry('m3', 1)], now)
  own.learn('m2', [entry('m4', 1)], now)
  const told = (peer: string) => own.entriesFor(peer, now).map(({ member }) => member)
  assert.equal(told('m9'), ['m4', 'm3', 'm2', 'm1'])
  assert.equal(told('m9'), [])
  assert.equal(told('m1'), ['m4'])
  assert.equal(told('m2'), ['m3', 'm1'])
  own.learn('m2', [entry('m3', 2)], now)
  assert.equal(told('m9'), ['m3'])
  own.forget('m3')
  assert.equal(told('m8'), ['m4', 'm2', 'm1'])
})

availability('what does not fit in one exchange follows in the next ones', () => {
  const own = table()
  const perExchange = limits.availabilityPerExchange
  const members = Array.from({ length: 3 * perExchange + 5 }, (_, i) => `m${i + 1}`)
  for (const member of members) own.learn('m1', [entry(member, 1)], now)
  const told = new Set<string>()
  for (let round = 0; round < 4; round++)
    for (const { member } of own.entriesFor('x', now)) told.add(member)
  assert.is(told.size, members.length)
  assert.equal(own.entriesFor('x', now), [])
})

availability('however news and exchanges are mixed, in the end the peer has been told all', () => {
  const acts = fc.array(
    fc.oneof(fc.record({ news: fc.integer({ min: 1, max: 300 }) }), fc.constant('tell')),
  )
  fc.assert(
    fc.property(acts, fc.nat(), (steps, seed) => {
      const own = table()
      const peer = table('peer')
      const random = new Random(seed)
      let counter = 0
      const tell = () => {
        const entries = own.entriesFor('peer', now)
        assert.ok(entries.length <= limits.availabilityPerExchange)
        peer.learn('m0', entries, now)
        return entries.length
      }
      for (const step of steps) {
        if (step === 'tell') tell()
        else
          for (let i = 0; i < step.news; i++)
            own.learn('m1', [entry(`m${1 + random.below(400)}`, ++counter)], now)
      }
      for (let round = 0; tell() > 0; round++) assert.ok(round < 20, 'it comes to an end')
      for (let i = 1; i <= 400; i++)
        assert.is(peer.get(`m${i}`)?.counter, own.get(`m${i}`)?.counter, `m${i}`)
    }),
    { numRuns: 100 },
  )
})

availability('a change reaches all of 20 members in some rounds, then there is silence', () => {
  const count = 20
  const rings = 5
  const random = new Random(7)
  const tables = Array.from({ length: count }, (_, i) => table(`m${i}`))
  const orders = Array.from({ length: rings }, () =>
    random.shuffle(Array.from({ length: count }, (_, i) => i)),
  )
  const successor = (member: number, ring: number): number => {
    const order = orders[ring]!
    return order[(order.indexOf(member) + 1) % count]!
  }
  /** Each member talks to its successor on one ring, both ways; returns the entries that were told. */
  const round = (number: number): number => {
    let told = 0
    for (let member = 0; member < count; member++) {
      const other = successor(member, number % rings)
      for (const [from, to] of [
        [member, other],
        [other, member],
      ] as const) {
        const entries = tables[from]!.entriesFor(`m${to}`, now)
        tables[to]!.learn(`m${from}`, entries, now)
        told += entries.length
      }
    }
    return told
  }
  const later = now + 1000
  const setOwn = (i: number, each: Availability) => {
    tables[i]!.setOwn(each, now)
    assert.is(tables[i]!.deadline(), later, 'it waits for a broadcast')
    tables[i]!.setOwn(each, later)
  }
  for (let i = 0; i < count; i++) setOwn(i, entry(`m${i}`, 1))
  for (let i = 0; i < 30; i++) round(i)
  assert.is(round(0), 0, 'silence')
  setOwn(3, entry('m3', 2, 500))
  let rounds = 0
  while (tables.some((each) => each.get('m3')?.used.cpu !== 500)) round(rounds++)
  assert.ok(rounds <= 6, `${rounds} rounds`)
  for (let i = 0; i < 2 * rings; i++) round(rounds + i)
  assert.is(round(0), 0, 'silence again')
})

availability('what a broadcast has brought is told only to those who come later', () => {
  const own = table()
  own.learn('m1', [entry('m1', 1), entry('m2', 1)], now)
  const told = (peer: string) => own.entriesFor(peer, now).map(({ member }) => member)
  assert.equal(told('m9'), ['m2', 'm1'])
  const { version } = own
  assert.ok(own.hear(entry('m2', 2), now))
  assert.not(own.hear(entry('m2', 2), now), 'no news')
  assert.not(own.hear(entry('m0', 9), now), 'nobody else tells what we have')
  assert.is(own.get('m2')?.counter, 2)
  assert.equal(told('m9'), [])
  assert.is(own.version, version)
  own.noteArrival(now)
  assert.equal(told('m8'), ['m2', 'm1'])
})

availability('what a broadcast has brought is told with other news only after an arrival', () => {
  const own = table()
  const told = (peer: string, at: number) => own.entriesFor(peer, at).map(({ member }) => member)
  const hearBeside = (counter: number, at: number) => {
    own.learn('m1', [entry('m1', counter)], at)
    own.hear(entry('m2', counter), at)
    own.learn('m1', [entry('m3', counter)], at)
  }
  hearBeside(1, now)
  assert.equal(told('m8', now), ['m3', 'm1'])
  hearBeside(2, now)
  own.noteArrival(now + 1)
  assert.equal(told('m9', now + 1), ['m3', 'm2', 'm1'], 'it was not there')
  hearBeside(3, now + 4000)
  assert.equal(told('m9', now + 4000), ['m3', 'm2', 'm1'], 'it may not have had links')
  hearBeside(4, now + 6000)
  for (const peer of ['m8', 'm9']) assert.equal(told(peer, now + 6000), ['m3', 'm1'], peer)
})

availability('our own entry goes with a broadcast, or after a second without one', () => {
  const own = table()
  assert.is(own.takeOwn(now), undefined)
  own.setOwn(entry('m0', 1), now)
  assert.is(own.takeOwn(now + 300)?.counter, 1)
  assert.is(own.takeOwn(now + 300), undefined)
  own.noteArrival(now + 1000)
  const told = (peer: string, at: number) => own.entriesFor(peer, at).length
  assert.is(told('m9', now + 2000), 1, 'it was not there')
  assert.is(told('m9', now + 2000), 0)
  own.setOwn(entry('m0', 2, 500), now + 3000)
  assert.is(told('m9', now + 3999), 0)
  own.setOwn(entry('m0', 2, 500), now + 4000)
  assert.is(told('m9', now + 4000), 1)
  assert.is(own.takeOwn(now + 4000), undefined)
})

availability('after two minutes a peer counts as told, but not one that comes later', () => {
  const own = table()
  own.learn('m1', [entry('m1', 1)], now)
  const later = now + 121_000
  assert.ok(own.hasTold('m9', later))
  own.hear(entry('m2', 1), later)
  own.noteArrival(later)
  assert.equal(own.entriesFor('m9', later), [])
  assert.is(own.entriesFor('m8', later).length, 2)
})

availability.run()
