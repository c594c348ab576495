/** Scenario files: what is wrong is told with its line, and what was read can be written again. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseScenario, readScenarioFile, writeScenario } from '../../../sim/scenario/file.ts'

const file = suite('sim/scenario/file')

const sound = `name: small
about: A small one.
members:
  count: 60
  regions:
    - { name: north, racks: 3 }
    - name: south
links:
  sameRack: { latency: 100us..300us }
  betweenRegions: { latency: 10ms..30ms, loss: 0.1% }
workload:
  - { load: jobs, fill: 60%, count: 1..8 }
faults:
  - fault: power-off
    at: 5s
    target: { rack: north/3 }
expect:
  - detection.p99 <= 3.5s
  - falseDeaths = 0
`

/** [what replaces what, the complaint]. */
const broken: [string, string, string][] = [
  ['about:', 'abuot:', 'x.yaml:1: about is required'],
  ['count: 60', 'count: many', 'x.yaml:4: members.count must be an integer'],
  ['count: 60', 'count: 60\n  size: 4', 'x.yaml:5: members.size is not a known field'],
  [
    'racks: 3',
    'racks: 3, rackSize: 9',
    'x.yaml:6: members.regions[0].rackSize cannot be given together with racks',
  ],
  ['north/3', 'north/4', 'there is no rack north/4: there are north/1 to 3'],
  [
    '{ rack: north/3 }',
    '{ region: east }',
    'x.yaml:16: faults[0].target.region there is no region',
  ],
  ['{ rack: north/3 }', '{ members: [n1, n60] }', 'x.yaml:16: faults[0].target.members[1]'],
  ['{ rack: north/3 }', '{}', 'x.yaml:16: faults[0].target must have exactly one of'],
  ['power-off', 'explode', 'x.yaml:14: faults[0].fault must be one of kill-agent'],
  ['at: 5s', 'at: 5', 'x.yaml:15: faults[0].at must be a string'],
  ['at: 5s', 'at: 5 s', 'x.yaml:15: faults[0].at must be a duration'],
  ['at: 5s', 'at: 40s', 'x.yaml:15: faults[0].at is not before the end of the safety phase, 30s'],
  ['300us', '30us', 'x.yaml:9: links.sameRack.latency goes from 100us..30us'],
  ['0.1%', '0.1', 'x.yaml:10: links.betweenRegions.loss must be a string'],
  ['fill: 60%', 'fill: 60%, jobs: 4', 'x.yaml:12: workload[0] must have exactly one of'],
  ['<= 3.5s', '<= 5%', 'x.yaml:18: expect[0] detection.p99 is a duration'],
  ['<= 3.5s', '< 0s', 'x.yaml:18: expect[0] no run can meet "detection.p99 < 0s"'],
  ['detection.p99', 'luck', 'x.yaml:18: expect[0] nothing is measured as luck; known: boot'],
  ['falseDeaths = 0', 'running >= 120%', 'x.yaml:19: expect[1] no run can meet "running >= 120%"'],
  [
    'falseDeaths = 0',
    'detection.p99 > 4s',
    'x.yaml:19: expect[1] no run can meet both "detection.p99 <= 3.5s" and "detection.p99 > 4s"',
  ],
  ['power-off', 'cut', 'x.yaml:18: expect[0] nothing dies in this scenario'],
  ['name: small', 'name: [', 'x.yaml:'],
  ['name: small', 'name: small\nname: again', 'x.yaml:2: Map keys must be unique'],
  ['    - name: south\n', '', 'x.yaml:9: links.betweenRegions there is only one region'],
]

for (const [from, to, complaint] of broken)
  file(`${from.trim()} → ${to.trim() || 'nothing'}`, () => {
    const text = sound.replace(from, to)
    assert.is.not(text, sound)
    let message = 'it was read'
    try {
      parseScenario(text, 'x.yaml')
    } catch (error) {
      message = (error as Error).message
    }
    assert.ok(message.includes(complaint), message)
    assert.not.match(message, '\n')
  })

file('what was read can be written and read again', () => {
  const scenario = parseScenario(sound, 'x.yaml')
  assert.equal(parseScenario(writeScenario(scenario), 'y.yaml'), scenario)
})

file('a file that is not there', () => {
  assert.throws(() => readScenarioFile('no/such.yaml'), /^no\/such\.yaml: there is no such file$/)
})

file.run()
