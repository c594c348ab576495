/**
 * Members that sleep are what they would be awake: a quiet run has the same trace, and whoever is woken is where he
 * would have come to. What happens to one wakes those whom it concerns, and they act as ever; the others sleep on.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startAsleep } from '../../sim/asleep.ts'
import type { Host } from '../../sim/host.ts'
import { Simulator, type SimulatorOptions } from '../../sim/simulator.ts'

const asleep = suite('sim/asleep')
const second = 1_000_000
const cell = 200
/** Two hundred say what they have free now and then; a thousand, hardly ever. */
const config = { availabilityIntervalMs: 3_600_000 }

function started(options: Partial<SimulatorOptions> = {}): Simulator {
  const simulator = new Simulator({ seed: 5, members: 3 * cell, config, ...options })
  startAsleep(simulator, cell)
  return simulator
}

function countAsleep(hosts: readonly Host[]): number {
  return hosts.filter(({ isAsleep }) => isAsleep).length
}

/** What each of them is, down to when it acts next. */
function lives(hosts: readonly Host[]): unknown {
  return hosts.map(({ core, counts, disk, id }) => {
    const view = core.view()
    const [digest, members] = [view.digest(), view.counts().members]
    return { id, counts, digest, members, deadline: core.deadline(), journal: disk.journal() }
  })
}

function agree(hosts: readonly Host[], subject: Host, state: string): boolean {
  const views = hosts.filter(({ isUp }) => isUp).map(({ core }) => core.view())
  const isKnown = views.every((view) => view.memberState(subject.id) === state)
  return isKnown && new Set(views.map((view) => view.digest())).size === 1
}

for (const [about, options] of [
  ['a quiet run', {}],
  ['a quiet run on clocks that are off, and drift', { clockSkewMs: 20, clockDriftPpm: 40 }],
  ['a quiet run of cores that share nothing', { ownMaps: true, members: cell }],
] as const)
  asleep(`${about} is the same with all awake, and leaves nearly all asleep`, () => {
    const [awake, sleeping] = [started(options), started(options)]
    for (const host of awake.hosts) host.wakeUp()
    assert.is(countAsleep(awake.hosts), 0)
    for (const simulator of [awake, sleeping]) simulator.run(20 * second)
    assert.ok(countAsleep(sleeping.hosts) > 0.97 * sleeping.hosts.length)
    assert.ok(sleeping.traffic.letters > 30 * sleeping.hosts.length)
    assert.is(sleeping.traceHash(), awake.traceHash())
    assert.equal(lives(sleeping.hosts), lives(awake.hosts))
    for (const { disk } of sleeping.hosts)
      assert.ok(disk.journal().some(({ key }) => key === 'self/epoch'))
  })

asleep('a member that is woken wakes nobody', () => {
  const simulator = started()
  simulator.run(second)
  simulator.hosts[3]!.wakeUp()
  const before = countAsleep(simulator.hosts)
  simulator.run(2 * second)
  assert.ok(countAsleep(simulator.hosts) > before - 5)
})

asleep(
  'a death is known to its cell, a restart from the disk comes back, other cells sleep on',
  () => {
    const simulator = started()
    const { hosts, metrics } = simulator
    const [ours, others] = [hosts.slice(0, cell), hosts.slice(cell)]
    const victim = ours[7]!
    simulator.run(5 * second)
    const sleepers = countAsleep(others)
    victim.powerOff()
    simulator.run(1.2 * second)
    const woken = cell - countAsleep(ours)
    assert.ok(woken > 1 && woken < cell / 2, `${woken} have noticed`)
    simulator.run(2.3 * second)
    assert.is(metrics.deaths.all[0]?.knew, cell - 1)
    assert.is(metrics.deaths.falseDeaths, 0)
    assert.is(countAsleep(ours), 0)
    assert.ok(simulator.runUntil(() => agree(ours, victim, 'down'), 10 * second))
    victim.start([ours[20]!])
    assert.ok(simulator.runUntil(() => agree(ours, victim, 'alive'), 10 * second))
    assert.ok(countAsleep(others) > sleepers - 10)
  },
)

asleep('a job that is given to one that sleeps runs', () => {
  const simulator = started()
  const { hosts } = simulator
  for (const { runtime } of hosts) runtime.failedPpm = 0
  simulator.run(second)
  const client = hosts[cell + 3]!
  assert.ok(client.isAsleep)
  const spec = { id: 'web', count: 5, tasks: [{ name: 'a', process: { command: ['a'] } }] }
  const command = { type: 'submit-job', spec, mode: 'upsert', ifMatch: null, copies: null } as const
  client.request(command, (reply) => assert.ok(reply.ok))
  const runs = () => client.core.view().job('web')?.healthy === 5
  assert.ok(simulator.runUntil(runs, 5 * second))
  assert.is(countAsleep(hosts.slice(0, cell)), cell)
})

asleep.run()
