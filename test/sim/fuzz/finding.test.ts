/** What a run broke, by a name that two runs share when they broke the same. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InvariantError } from '../../../protocol/base/invariant.ts'
import { findingOfError, promiseOf, verdictOf } from '../../../sim/fuzz/finding.ts'
import { parseScenario } from '../../../sim/scenario/file.ts'
import type { SeededScenario } from '../../../sim/scenario.ts'

const finding = suite('sim/fuzz/finding')

const names = [
  ['S1 at 120 µs: n3 runs 4100 of 4000 cpu', 'S1'],
  ['S2: job-4 was acknowledged and is gone', 'S2'],
  ['S4: deleted job-4 runs 2 tasks', 'S4'],
  ['members: n1 sees n2 suspect', 'members'],
  ['boot: S3: n1 holds another state than n0', 'boot: S3'],
] as const
for (const [violation, name] of names)
  finding(violation, () => assert.is(promiseOf(violation), name))

finding('an invariant is itself again with other numbers, and not another', () => {
  const nameOf = (message: string) => findingOfError(new InvariantError(message)).name
  assert.is(nameOf('allocation 7 of job-12 is gone'), nameOf('allocation 81 of job-3 is gone'))
  assert.is.not(nameOf('allocation 7 is gone'), nameOf('allocation 7 is back'))
  assert.is(findingOfError(new InvariantError('lost 7')).text, 'InvariantError: lost 7')
})

finding('a cluster that has no time to form breaks, whatever else holds', () => {
  const { finding: found } = verdictOf(
    scenarioOf('members: { count: 20 }\ndurations: { boot: 501ms, bootSpread: 500ms, safety: 1s }'),
  )
  assert.match(found?.name ?? '', /^boot: /)
})

finding('what cannot fit is not a break, and what fits is not full', () => {
  const load = (fill: string) =>
    scenarioOf(`start: warm
members: { count: 2 }
durations: { safety: 5s, liveness: 10s }
workload: [{ load: jobs, fill: ${fill}, count: 1..2, cpu: 400, memory: 64 }]`)
  assert.equal(verdictOf(load('150%')), { finding: undefined, strikes: 0, isFull: true })
  assert.equal(verdictOf(load('50%')), { finding: undefined, strikes: 0, isFull: false })
})

function scenarioOf(rest: string): SeededScenario {
  return { ...parseScenario(`name: small\nabout: Small.\n${rest}\n`, 'small.yaml'), seed: 5 }
}

finding.run()
