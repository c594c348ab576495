/**
 * Who is not concerned by a death works it in later: that makes no difference, neither to the trace nor to what is
 * seen. The rings of these clusters are small, so that most of their members are far from each other, as thousands are.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DeathBoard } from '../../protocol/death-board.ts'
import type { Host } from '../../sim/host.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'
import { type Life, sameAsPlain } from './plain.ts'

const distant = suite('sim/distant-deaths')
const second = 1_000_000
const config = { ringsMin: 2, ringsMax: 2, fullMeshMax: 4, availabilityIntervalMs: 3_600_000 }

interface Told extends Life {
  /** Deaths that somebody put off. */
  readonly putOff: number
}

function run(
  options: Partial<SimulatorOptions>,
  live: (simulator: Simulator) => void,
): Told & { readonly simulator: Simulator } {
  const { put } = DeathBoard.prototype
  let putOff = 0
  DeathBoard.prototype.put = function (...args) {
    putOff++
    put.apply(this, args)
  }
  try {
    const simulator = new Simulator({ seed: 3, members: 60, config, ...options })
    startWarm(simulator)
    simulator.run(15 * second)
    live(simulator)
    return { hash: simulator.traceHash(), events: simulator.events, putOff, simulator }
  } finally {
    DeathBoard.prototype.put = put
  }
}

function isSameAsPlain(
  options: Partial<SimulatorOptions>,
  live: (simulator: Simulator) => void,
): Told {
  const { plain, told } = sameAsPlain((isPlain) => run({ ...options, isPlain }, live))
  assert.is(plain.putOff, 0)
  return told
}

/** Two slots. */
function submit(host: Host, id: string): void {
  const resources = { cpu: 50, memory: 64 }
  const tasks = [{ name: 'main', process: { command: ['x'] }, ports: [], checks: [], resources }]
  const spec = { id, count: 2, tasks }
  const command = { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null } as const
  host.request(command, () => {})
}

/** One every two seconds; some come back. */
function churn(simulator: Simulator): void {
  const { hosts } = simulator
  for (let i = 0; i < 10; i++) {
    hosts[(7 * i + 3) % 60]!.powerOff()
    simulator.run(2 * second)
    if (i % 4 === 3) hosts[(7 * i - 11) % 60]!.start([hosts[0]!])
  }
  simulator.run(40 * second)
}

distant('most put off most deaths, and the life is the same', () => {
  const { putOff } = isSameAsPlain({}, churn)
  assert.ok(putOff > 200, `${putOff} of 600`)
})

distant('also where links lose and clocks are off', () => {
  const { putOff } = isSameAsPlain(
    { network: { lossPermille: 20 }, clockSkewMs: 20, clockDriftPpm: 40 },
    churn,
  )
  assert.ok(putOff > 100, `${putOff} of 600`)
})

distant('also where neighbours die one after the other', () => {
  const { putOff } = isSameAsPlain({}, (simulator) => {
    let next = simulator.hosts[7]
    for (let i = 0; i < 12 && next !== undefined; i++) {
      const linked = [...simulator.links.others(next)]
      next.powerOff()
      simulator.run(2 * second)
      next = linked.map((index) => simulator.hosts[index]!).find((host) => host.isUp)
    }
  })
  assert.ok(putOff > 100, `${putOff} of 600`)
})

distant('who runs or looks after what ran there acts at once', () => {
  const { putOff } = isSameAsPlain({}, (simulator) => {
    for (let i = 0; i < 30; i++) submit(simulator.hosts[i]!, `job-${i}`)
    simulator.run(15 * second)
    assert.is(simulator.metrics.running.tasks, 60)
    churn(simulator)
    assert.is(simulator.metrics.running.tasks, 60)
  })
  assert.ok(putOff > 100, `${putOff} of 600`)
})

distant('whoever is asked about a death that was put off knows of it', () => {
  const { putOff, simulator } = run({}, (simulator) => {
    const { id } = simulator.hosts[5]!
    simulator.hosts[5]!.powerOff()
    simulator.run(4 * second)
    for (const host of simulator.up()) assert.is(host.core.view().memberState(id), 'down')
  })
  assert.ok(putOff > 20, `${putOff}`)
  simulator.run(60 * second)
})

distant.run()
