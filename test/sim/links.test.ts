/** Connections as TCP keeps them: what becomes of messages under loss, cuts, deaths and narrow ports. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Event } from '../../protocol/event.ts'
import type { Message } from '../../protocol/message.ts'
import type { Host } from '../../sim/host.ts'
import { Barrier } from '../../sim/network.ts'
import type { LinkPlan } from '../../sim/scenario/plan.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'
import { Topology } from '../../sim/topology.ts'

const links = suite('sim/links')
const second = 1_000_000

interface Bed {
  readonly simulator: Simulator
  readonly a: Host
  readonly b: Host
  /** Numbers of the test's messages that have reached b, in order, and when. */
  readonly got: { readonly number: number; readonly atUs: number }[]
  /** Links that opened and closed, as each core was told: `a closed`. */
  readonly told: string[]
  send(from: Host, to: Host, number: number, bytes?: number): void
}

function bed(options: Partial<SimulatorOptions> = {}): Bed {
  const simulator = new Simulator({ seed: 1, members: 3, ...options })
  for (const host of simulator.hosts) host.start([simulator.hosts[0]!])
  simulator.run(5 * second)
  const [a, b] = simulator.hosts as [Host, Host, Host]
  const got: Bed['got'] = []
  const told: string[] = []
  for (const [name, host] of Object.entries({ a, b })) {
    const { receive } = host
    host.receive = (event) => {
      const number = numberOf(event)
      if (number !== undefined) {
        got.push({ number, atUs: simulator.nowUs })
        return
      }
      const isOfPair = 'member' in event && [a.id, b.id].includes(event.member)
      if (event.type.startsWith('link-') && isOfPair) told.push(`${name} ${event.type.slice(5)}`)
      receive.call(host, event)
    }
  }
  return {
    simulator,
    a,
    b,
    got,
    told,
    send(from, to, number, bytes = 0) {
      const message = { type: 'stop-request', allocation: `test.${number}`, reason: '' } as Message
      simulator.links.send(from, to, { type: 'message-received', from: from.id, message }, bytes)
    },
  }
}

function numberOf(event: Event): number | undefined {
  if (event.type !== 'message-received' || event.message.type !== 'stop-request') return undefined
  return Number(event.message.allocation.split('.')[1])
}

function planned(plan: Partial<LinkPlan>): Partial<SimulatorOptions> {
  const link: LinkPlan = {
    latencyMinUs: 1000,
    latencyMaxUs: 1000,
    jitterUs: 0,
    bytesPerSecond: undefined,
    lossPpm: 0,
    duplicatePpm: 0,
    ...plan,
  }
  const usual = {
    name: 'usual',
    weight: 1,
    cpu: 4000,
    memory: 8192,
    disk: 1000,
    gpu: 0,
    labels: {},
  }
  const members = { count: 3, classes: [usual], regions: [{ name: 'one', weight: 1 }] }
  const topology = new Topology(members)
  return {
    geography: { topology, plan: { sameRack: link, sameRegion: link, betweenRegions: link } },
  }
}

function cut(of: Bed, directions: readonly (readonly [Host, Host])[]): () => void {
  const { network, links: all, hosts } = of.simulator
  const barriers = directions.map(([x, y]) => new Barrier(new Set([x.index]), new Set([y.index])))
  for (const barrier of barriers) network.raise(barrier)
  all.silenceBroken(hosts)
  return () => {
    for (const barrier of barriers) network.lower(barrier)
  }
}

const numbers = ({ got }: Bed) => got.map(({ number }) => number)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

links('what is sent arrives once and in order, however much is lost on the way', () => {
  const on = bed(planned({ lossPpm: 200_000, jitterUs: 20_000, duplicatePpm: 500_000 }))
  for (const number of upTo(200)) {
    on.send(on.a, on.b, number)
    on.simulator.run(10_000)
  }
  on.simulator.run(30 * second)
  assert.equal(numbers(on), upTo(200))
  const { counts } = on.simulator.network
  assert.ok(counts.lost > 20 && counts.late > 20, JSON.stringify(counts))
  assert.is(on.simulator.links.counts.lost, 0)
})

links(
  'a message that is lost again and again ends the link, and takes what is behind it along',
  () => {
    const on = bed(planned({}))
    on.simulator.network.setLoss(on.a.index, 1_000_000)
    on.send(on.a, on.b, 0)
    on.simulator.network.setLoss(on.a.index, undefined)
    on.send(on.a, on.b, 1)
    on.simulator.run(60 * second)
    assert.equal(numbers(on), [])
    assert.ok(on.simulator.links.counts.lost >= 2)
    assert.ok(on.simulator.network.counts.lostByFault > 0)
    assert.ok(on.told.includes('a closed') && on.told.includes('b closed'), String(on.told))
  },
)

links('a short cut delays: what was held arrives when it is over, and nobody hangs up', () => {
  const on = bed()
  const heal = cut(on, [
    [on.a, on.b],
    [on.b, on.a],
  ])
  for (const number of upTo(5)) on.send(on.a, on.b, number)
  on.simulator.run(5 * second)
  assert.equal(numbers(on), [])
  heal()
  const healedUs = on.simulator.nowUs
  on.simulator.run(15 * second)
  assert.equal(numbers(on), upTo(5))
  // The next retransmission: after 6.2 s of the first.
  assert.ok(on.got[0]!.atUs - healedUs <= 3 * second)
  assert.equal(on.told, [])
  const { counts } = on.simulator.links
  assert.ok(counts.stalled >= 1 && counts.held >= 5)
  assert.is(counts.lost, 0)
})

links(
  'a long cut ends the link at both ends; what was held is lost and counted, and it opens again',
  () => {
    const on = bed()
    const heal = cut(on, [
      [on.a, on.b],
      [on.b, on.a],
    ])
    for (const number of upTo(5)) on.send(on.a, on.b, number)
    on.simulator.run(35 * second)
    assert.equal([...on.told].sort(), ['a closed', 'b closed'])
    assert.ok(on.simulator.links.counts.lost >= 5)
    assert.ok(on.simulator.network.counts.cut > 0)
    heal()
    on.simulator.run(30 * second)
    assert.ok(on.simulator.links.isOpen(on.a, on.b))
    assert.equal(numbers(on), [])
  },
)

links('with one direction cut the other goes on for a window, as nothing is acknowledged', () => {
  const on = bed()
  cut(on, [[on.b, on.a]])
  for (const number of upTo(30)) on.send(on.a, on.b, number)
  on.simulator.run(second)
  // The core's own messages take part of the window.
  assert.ok(on.got.length > 0 && on.got.length <= 10, String(on.got.length))
  assert.equal(numbers(on), upTo(on.got.length))
  on.simulator.run(40 * second)
  assert.equal([...on.told].sort(), ['a closed', 'b closed'])
})

links(
  'a killed agent is known at once, a machine without power after fourteen silent seconds',
  () => {
    const killed = bed()
    killed.b.killAgent()
    killed.simulator.run(10_000)
    assert.equal(killed.told, ['a closed'])
    const off = bed()
    off.b.powerOff()
    off.send(off.a, off.b, 0)
    off.simulator.run(13 * second)
    assert.equal(off.told, [])
    off.simulator.run(3 * second)
    assert.equal(off.told, ['a closed'])
    assert.ok(off.simulator.links.counts.lost >= 1)
  },
)

links('what is sent before a farewell arrives before the link closes', () => {
  const on = bed(planned({ jitterUs: 50_000 }))
  for (const number of upTo(20)) on.send(on.a, on.b, number)
  on.a.killAgent()
  const { length: heardBefore } = on.told
  on.simulator.run(second)
  assert.equal(numbers(on), upTo(20))
  assert.equal(on.told.slice(heardBefore), ['b closed'])
})

links('a port sends one thing after the other, and drops what its queue has no room for', () => {
  const on = bed(planned({ bytesPerSecond: 100_000 }))
  for (const number of upTo(100)) on.send(on.a, on.b, number, 1000)
  const sentUs = on.simulator.nowUs
  on.simulator.run(5 * second)
  assert.equal(numbers(on), upTo(100))
  const tookUs = on.got.at(-1)!.atUs - sentUs
  assert.ok(tookUs >= second && tookUs < 1.3 * second, String(tookUs))
  assert.ok(on.simulator.network.counts.queued > 50)
  for (const number of upTo(100)) on.send(on.a, on.b, number, 500_000)
  assert.ok(on.simulator.network.counts.queueFull > 50)
})

links('datagrams are lost and doubled as the knobs say', () => {
  const { simulator } = bed(planned({ lossPpm: 300_000, duplicatePpm: 100_000 }))
  let arrived = 0
  for (let i = 0; i < 2000; i++) simulator.network.datagram(0, 1, () => arrived++)
  const { lost, doubled, sent } = simulator.network.datagrams
  assert.is(arrived, sent - lost + doubled)
  assert.ok(Math.abs(lost - 600) < 90 && Math.abs(doubled - 140) < 50, `${lost}, ${doubled}`)
})

links(
  'under loss a link opens late: by a second while no round trip is known, then by 200 ms',
  () => {
    const { network } = new Simulator({ seed: 1, members: 2, ...planned({ lossPpm: 100_000 }) })
    const times = Array.from({ length: 5000 }, () => network.openingUs(0, 1, 6))
    const within = (from: number, to: number) =>
      times.filter((us) => us >= from && us <= to).length / times.length
    // Six round trips of 2 ms: none of twelve packets lost, or one of the last ten, once.
    const roundTrips = 12_000
    const again = roundTrips + 202_000
    assert.ok(Math.abs(within(roundTrips, roundTrips) - 0.9 ** 12) < 0.02)
    assert.is(within(roundTrips + 1, again - 1), 0)
    assert.ok(Math.abs(within(again, again) - 10 * 0.1 * 0.9 ** 12) < 0.02)
    // One of the first two; or a later one three times.
    assert.ok(within(second, Number.POSITIVE_INFINITY) > 1 - 0.9 ** 2)
  },
)

links.run()
