/**
 * A cluster that starts warm is what a boot comes to, and stays so: everyone knows everyone, nothing is announced
 * again; and it lives on as one, through a crash, a restart from its disk and a job.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { divergences } from '../../sim/checker/convergence.ts'
import type { Host } from '../../sim/host.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'

const warm = suite('sim/warm-start')
const second = 1_000_000

function started(options: Partial<SimulatorOptions> = {}): Simulator {
  const simulator = new Simulator({ seed: 5, members: 40, ...options })
  startWarm(simulator)
  return simulator
}

/** What everyone knows of everyone. */
function knowledge(simulator: Simulator): unknown {
  return simulator.hosts.map(({ core }) =>
    core
      .view()
      .nodes()
      .map(({ id, state, incarnation, body }) => ({ id, state, incarnation, body })),
  )
}

warm('knows what a boot comes to', () => {
  const booted = new Simulator({ seed: 5, members: 40 })
  for (const host of booted.hosts) host.start(booted.hosts.slice(0, 2))
  assert.ok(booted.runUntil(() => divergences(booted).length === 0, 60 * second))
  const simulator = started()
  simulator.run(3 * second)
  assert.equal(divergences(simulator), [])
  assert.equal(knowledge(simulator), knowledge(booted))
})

warm('announces nothing and stays as it is', () => {
  const simulator = started()
  simulator.run(30 * second)
  assert.equal(divergences(simulator), [])
  assert.is(
    simulator.hosts.reduce((sum, host) => sum + host.counts.broadcasts, 0),
    0,
  )
  for (const { core } of simulator.hosts)
    assert.is(core.view().counts().members.alive, simulator.hosts.length)
})

function submitWeb(client: Host): void {
  const spec = { id: 'web', count: 5, tasks: [{ name: 'a', process: { command: ['a'] } }] }
  const command = { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null } as const
  client.request(command, (reply) => assert.ok(reply.ok))
}

warm('its members have been there for long: they do not wait for the rest of a story', () => {
  const simulator = started({ members: 5 })
  for (const { runtime } of simulator.hosts) runtime.failedPpm = 0
  simulator.run(3 * second)
  const [client] = simulator.hosts
  submitWeb(client!)
  const runs = () => client!.core.view().job('web')?.healthy === 5
  assert.ok(simulator.runUntil(runs, 1 * second))
})

warm('a crash is noticed, a restart from the disk comes back, a job runs', () => {
  const simulator = started()
  simulator.run(2 * second)
  const [victim, client] = [simulator.hosts[7]!, simulator.hosts[20]!]
  victim.powerOff()
  assert.ok(simulator.runUntil(() => divergences(simulator).length === 0, 40 * second))
  assert.is(client.core.view().memberState(victim.id), 'down')
  victim.start([client])
  assert.ok(simulator.runUntil(() => divergences(simulator).length === 0, 40 * second))
  submitWeb(client)
  const runs = () => client.core.view().job('web')?.healthy === 5
  assert.ok(simulator.runUntil(runs, 30 * second))
})

warm('maps that are shared change nothing, nor does the codec', () => {
  const trace = (options: Partial<SimulatorOptions>): string => {
    const simulator = started({ members: 30, ...options })
    simulator.run(5 * second)
    simulator.hosts[3]!.powerOff()
    simulator.hosts[4]!.killAgent()
    simulator.run(8 * second)
    simulator.hosts[4]!.start([simulator.hosts[9]!])
    simulator.run(5 * second)
    return simulator.traceHash()
  }
  const shared = trace({})
  assert.is(trace({}), shared)
  assert.is(trace({ ownMaps: true }), shared)
  assert.is(trace({ encode: true }), shared)
  assert.is.not(trace({ seed: 6 }), shared)
})

warm.run()
