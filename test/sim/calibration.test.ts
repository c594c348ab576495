/**
 * The models against recordings of real agents (test/sim/recorded/, made by scripts/calibrate). What is compared
 * is what the model makes of the parts: the recording gives the delay of one hop, and the model has to arrive at
 * the delivery to all, the duplicates and the mesh by itself. The delays of disks and runtimes are drawn from the
 * recordings, so there it is only checked that they are.
 */
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gossipOptions } from '../../node/network/gossip.ts'
import { timing } from '../../node/network/timing.ts'
import { Random } from '../../protocol/base/random.ts'
import { percentile } from '../../scripts/benchmark/figure.ts'
import { agentDht } from '../../sim/dht.ts'
import { DhtTable } from '../../sim/dht-table.ts'
import { walk } from '../../sim/dht-walk.ts'
import { agentGossip } from '../../sim/gossip.ts'
import * as measured from '../../sim/measured.ts'
import { Delay, type QuantileTable } from '../../sim/quantile.ts'
import { boot } from '../../sim/scenario.ts'
import { Simulator } from '../../sim/simulator.ts'

const calibration = suite('sim/calibration')
const second = 1_000_000
const tolerance = 0.2

interface GossipRecording {
  readonly agents: number
  readonly paceMs: number
  readonly messages: number
  readonly reliability: number
  readonly copiesPerReceiver: number
  readonly duplicatesPerReceiver: number
  readonly latency: QuantileTable
  readonly hop: QuantileTable
  readonly inner?: QuantileTable
  readonly mesh: { readonly mean: number }
}

function recorded<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), 'utf8'))
}

function isNear(simulated: number, real: number, what: string): void {
  const difference = Math.abs(simulated - real) / real
  const text = `${what}: ${simulated.toFixed(3)} simulated, ${real.toFixed(3)} recorded`
  assert.ok(difference <= tolerance, text)
}

/** Broadcasts at the recording's pace, with several seeds, as a mesh differs from start to start. */
function simulateGossip(recording: GossipRecording) {
  const latency: number[] = []
  const meshes: number[] = []
  let [published, delivered, copies] = [0, 0, 0]
  for (const seed of [1, 2, 3, 4, 5]) {
    const simulator = simulatorAs(recording, seed)
    const { gossip, hosts } = simulator
    for (const { index } of hosts) meshes.push(gossip.mesh.meshOf(index).length)
    const before = { ...gossip.counts }
    gossip.onDelivered = (_, us) => latency.push(us)
    for (let i = 0; i < 60; i++) {
      submit(simulator, i)
      simulator.run(recording.paceMs * 1000)
    }
    simulator.run(10 * second)
    published += gossip.counts.published - before.published
    delivered += gossip.counts.delivered - before.delivered
    copies += gossip.counts.copies - before.copies
  }
  const receivers = published * (recording.agents - 1)
  const mesh = meshes.reduce((sum, degree) => sum + degree, 0) / meshes.length
  return { reliability: delivered / receivers, copies: copies / receivers, latency, mesh }
}

/** A cluster on one machine: no way to go, and the work of each hop as it was recorded. */
function simulatorAs({ agents, hop, inner }: GossipRecording, seed: number): Simulator {
  const idle = { points: hop.points, us: hop.us.map((us) => Math.round(us * measured.idleShare)) }
  const simulator = new Simulator({
    seed,
    members: agents,
    network: { latencyMinUs: 30, latencyMaxUs: 80 },
    gossip: { hop: idle, inner: inner ?? { points: [0, 100], us: [500, 900] } },
  })
  boot(simulator, [])
  simulator.run(20 * second)
  return simulator
}

function submit({ hosts }: Simulator, i: number): void {
  const spec = {
    id: `calibration-${i}`,
    tasks: [{ name: 'main', process: { command: ['sleep', '60'] } }],
    constraints: [{ attribute: 'node.name', operator: '=', value: 'nowhere' }],
  }
  const command = { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null } as const
  hosts[(i * 7) % hosts.length]!.request(command, () => undefined)
}

/** Among five agents the tail is some milliseconds, which differ by a third between recordings: not held to it. */
for (const [name, percents] of [
  ['gossip-5', [50]],
  ['gossip-20', [50, 90, 99]],
] as const)
  calibration(`${name}: reliability, latency and duplicates of gossip within a fifth`, () => {
    const recording = recorded<GossipRecording>(name)
    const simulated = simulateGossip(recording)
    const at = (percent: number) => recording.latency.us[recording.latency.points.indexOf(percent)]!
    isNear(simulated.reliability, recording.reliability, 'reliability')
    for (const percent of percents)
      isNear(percentile(simulated.latency, percent), at(percent), `latency, ${percent} %, µs`)
    isNear(simulated.copies, recording.copiesPerReceiver, 'copies a receiver')
    isNear(simulated.copies - 1, recording.duplicatesPerReceiver, 'duplicates a receiver')
    isNear(simulated.mesh, recording.mesh.mean, 'peers in a mesh')
  })

calibration('gossip is set as the agent sets it', () => {
  const { Dscore, Dout, Dlazy, idontwantMinDataSize, heartbeatInterval } = gossipOptions('topic')
  const { dScore, dOut, dLazy, idontwantBytes, heartbeatUs } = agentGossip
  assert.equal(
    [dScore, dOut, dLazy, idontwantBytes, heartbeatUs],
    [Dscore, Dout, Dlazy, idontwantMinDataSize, heartbeatInterval! * 1000],
  )
})

interface DhtRecording {
  readonly members: number
  readonly links: number
  readonly provide: DhtWalks
  readonly find: DhtWalks
}

interface DhtWalks {
  readonly walks: number
  readonly asked: { readonly mean: number }
  readonly depth: { readonly mean: number }
  readonly found: number
}

/** The links of scripts/calibration/dht.ts, and as many walks, each of which makes tables grow. */
function simulateDht({ members, links, provide, find }: DhtRecording, seed: number) {
  const random = new Random(seed)
  const linked = Array.from({ length: members }, () => new Set<number>())
  for (let host = 0; host < members; host++)
    for (let ring = 1; ring <= links / 2; ring++) {
      const other = (host + 1 + ((ring * ring * 5) % (members - 1))) % members
      if (other === host) continue
      linked[host]!.add(other)
      linked[other]!.add(host)
    }
  const { k } = agentDht
  const table = new DhtTable(k, (host) => linked[host]!)
  for (let host = 0; host < members; host++) table.add(host, `member-${seed}-${host}`)
  const walkFrom = (from: number, key: number) => {
    const walked = walk({
      start: table.closestKnown(from, key, k),
      k,
      limitUs: Number.POSITIVE_INFINITY,
      distance: (host) => (table.placeOf(host) ^ key) >>> 0,
      closer: (host) => table.closestKnown(host, key, k).filter((other) => other !== from),
      ask: () => ({ us: 1000 + random.below(20_000), isThere: true }),
    })
    for (const { host } of walked.answers) {
      table.meet(from, host)
      table.meet(host, from)
    }
    return walked
  }
  let [asked, depth] = [0, 0]
  for (let i = 0; i < provide.walks; i++) {
    const key = random.uint32()
    walkFrom((i * 7) % members, key)
    for (let j = 1; j <= find.walks / provide.walks; j++) {
      const walked = walkFrom((i * 7 + j * 11) % members, key)
      asked += walked.asked / find.walks
      depth += Math.max(...walked.answers.map((answer) => answer.depth)) / find.walks
    }
  }
  return { asked, depth }
}

calibration('dht-40: how many a walk asks and how deep it goes, within a fifth', () => {
  const recording = recorded<DhtRecording>('dht-40')
  const runs = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => simulateDht(recording, seed))
  const mean = (of: 'asked' | 'depth') => runs.reduce((sum, run) => sum + run[of], 0) / runs.length
  isNear(mean('asked'), recording.find.asked.mean, 'members asked')
  isNear(mean('depth'), recording.find.depth.mean, 'depth of the answers')
})

calibration('the DHT is set as the agent sets it', () => {
  const { validityUs, renewUs, checkUs, queryUs } = agentDht
  const { dhtValidityMs, dhtRenewMs, dhtCheckMs, dhtQueryMs } = timing
  assert.equal(
    [validityUs, renewUs, checkUs, queryUs],
    [dhtValidityMs, dhtRenewMs, dhtCheckMs, dhtQueryMs].map((ms) => ms * 1000),
  )
})

calibration('a link opens in as many round trips as were recorded', () => {
  const { roundTrips } = recorded<{ readonly roundTrips: readonly number[] }>('dial')
  for (const trips of roundTrips.slice(1)) isNear(measured.dialRoundTrips, trips, 'round trips')
})

calibration('delays of disks, runtimes and hops are drawn as they were recorded', () => {
  const machine = recorded<{
    journal: { alone: QuantileTable }
    process: { start: QuantileTable; stop: QuantileTable }
    docker: { start: QuantileTable; stop: QuantileTable }
  }>('machine')
  const pairs = [
    [measured.fsync, machine.journal.alone],
    [measured.processStart, machine.process.start],
    [measured.processStop, machine.process.stop],
    [measured.containerStart, machine.docker.start],
    [measured.containerStop, machine.docker.stop],
    [measured.dialWork, recorded<{ readonly work: QuantileTable }>('dial').work],
    [measured.gossipHop, recorded<GossipRecording>('gossip-2').hop],
    [measured.gossipInner, recorded<GossipRecording>('gossip-2').inner!],
  ] as const
  const random = new Random(1)
  for (const [table, recording] of pairs) {
    const delay = new Delay(table)
    const drawn = Array.from({ length: 20_000 }, () => delay.drawUs(random))
    for (const percent of [50, 90, 99]) {
      const real = recording.us[recording.points.indexOf(percent)]!
      isNear(percentile(drawn, percent), real, `${percent} % of a delay`)
    }
  }
})

calibration.run()
