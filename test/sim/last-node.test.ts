/** S8: all but one lose power at once; the last one serves, and the cluster grows again from it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../protocol/base/random.ts'
import { watchCapacity } from '../../sim/checker/capacity.ts'
import { failuresOfTheLast } from '../../sim/checker/last-node.ts'
import { boot } from '../../sim/scenario.ts'
import { Simulator } from '../../sim/simulator.ts'
import { Workload } from '../../sim/workload.ts'

const lastNode = suite('sim/last-node')

for (const [seed, members] of [
  [1, 2],
  [2, 5],
  [3, 30],
] as const)
  lastNode(`the last of ${members} serves, and grows the cluster again`, () => {
    const violations: string[] = []
    const simulator = new Simulator({ seed, members, encode: true })
    boot(simulator, violations)
    watchCapacity(simulator, violations)
    const workload = new Workload(simulator, new Random(seed))
    // Room for all of it on one node.
    for (let i = 0; i < 4; i++)
      workload.submit(simulator.hosts[0]!, `job-${i}`, { count: 3, cpu: 200 })
    simulator.run(5_000_000)
    assert.is(simulator.up().length, members)
    violations.push(...failuresOfTheLast(simulator, workload, simulator.hosts.at(-1)!))
    assert.equal(violations, [])
  })

lastNode.run()
