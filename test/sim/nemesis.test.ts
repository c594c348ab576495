/** Each fault has the effect that it claims, and when it ends the cluster comes to rest with its promises kept. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseScenario } from '../../sim/scenario/file.ts'
import { Run } from '../../sim/scenario.ts'

const nemesis = suite('sim/nemesis')

/** Of twelve members in two regions with two racks each. */
const faults: [string, string][] = [
  ['kill-agent', 'target: { count: 2 }, for: 1s..3s'],
  ['kill-agent', 'target: { share: 100% }, within: 3s, for: 500ms'],
  ['restart-agent', 'target: { members: [n1, n2] }, within: 2s, for: 500ms'],
  ['power-off', 'target: { rack: north/2 }, for: 4s'],
  ['destroy', 'target: { count: 1 }'],
  ['cut', 'target: { region: south }, for: 5s'],
  ['cut', 'target: { members: [n0] }, other: { members: [n1, n2] }, for: 5s'],
  ['flap', 'target: { count: 2 }, down: 200ms..1s, up: 200ms..1s, for: 5s'],
  ['deafen', 'target: { racks: 1 }, direction: in, for: 5s'],
  ['deafen', 'target: { count: 2 }, direction: out, for: 5s'],
  ['lose', 'target: { regions: 1 }, loss: 20%, for: 5s'],
  ['slow', 'target: { class: small }, delay: 50ms..200ms, for: 5s'],
  ['fill-disk', 'target: { share: 50% }, for: 5s'],
  ['jump-clock', 'target: { count: 3 }, by: 20s'],
  ['jump-clock', 'target: { count: 3 }, by: -20s'],
  ['drain', 'target: { rack: south/1 }, for: 5s'],
  ['add-members', 'count: 3'],
  ['flood', 'target: { count: 2 }, perSecond: 500, for: 3s'],
  ['fail-starts', 'target: { share: 100% }, share: 50%, for: 5s'],
]

function scenarioWith(fault: string, knobs: string): string {
  return `name: one-fault
about: Only ${fault}.
members:
  count: 12
  classes: [{ name: small }, { name: large, cpu: 16000 }]
  regions: [{ name: north, rackSize: 3 }, { name: south, rackSize: 3 }]
links: { sameRack: { latency: 100us..300us }, betweenRegions: { latency: 2ms..5ms } }
start: warm
workload:
  - { load: arrivals, mean: 300ms, acts: { submit: 4, scale: 3, edit: 2, delete: 1 }, count: 1..3 }
faults:
  - { fault: ${fault}, at: 2s, ${knobs} }
durations: { safety: 10s, liveness: 60s }
`
}

for (const [fault, knobs] of faults)
  nemesis(`${fault}: ${knobs}`, () => {
    const scenario = parseScenario(scenarioWith(fault, knobs), 'x.yaml')
    const run = new Run({ ...scenario, seed: 7 })
    for (const _ of run.steps());
    const outcome = run.outcome()
    assert.equal(outcome.violations, [])
    assert.equal(outcome.idle, [])
    const [tally] = run.nemesis.tallies
    assert.ok(tally!.effect > 0)
    assert.is(tally!.strikes, 1)
  })

nemesis('a drain ends even if nobody is up to be asked for it, seed 9080 of the fuzzer', () => {
  const text = scenarioWith('drain', 'target: { count: 3 }, for: 5s').replace(
    'durations:',
    '  - { fault: power-off, at: 6900ms, target: { share: 100% }, for: 1s }\ndurations:',
  )
  const run = new Run({ ...parseScenario(text, 'x.yaml'), seed: 7 })
  for (const _ of run.steps());
  assert.equal(run.outcome().violations, [])
  assert.ok(run.nemesis.tallies.every(({ effect }) => effect > 0))
  const nodes = run.simulator.hosts[0]!.core.view().nodes()
  assert.equal(
    nodes.filter(({ draining }) => draining),
    [],
  )
})

nemesis('a fault recurs as it is told to, and stops when it is told to', () => {
  const knobs = 'target: { count: 1 }, for: 100ms, every: 500ms, times: 4'
  const run = new Run({
    ...parseScenario(scenarioWith('kill-agent', knobs), 'x.yaml'),
    seed: 3,
  })
  for (const _ of run.steps());
  assert.is(run.nemesis.tallies[0]!.strikes, 4)
})

nemesis.run()
