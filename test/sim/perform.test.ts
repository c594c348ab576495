/** The simulated machine owes the core what the agent's own performer owes it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PerformerUnderTest, performerContract } from '../contract.ts'
import { TestMachine } from './machine.ts'

const performers = suite('sim/perform')

/** Nothing goes wrong by itself: what does is tested by model. */
function create(): PerformerUnderTest {
  const machine = new TestMachine()
  machine.runtime.failedPpm = 0
  return {
    performAll: (effects) => machine.performer.performAll(effects),
    told: machine.told,
    acts: machine.acts,
    breakDisk: () => {
      machine.disk.isFull = true
    },
    settle: async () => machine.run(60_000_000),
    close: async () => {},
  }
}

performerContract(performers, create)

/** Seed 2416 of the fuzzer: a destroyed machine began a task when its disk would have answered. */
performers('what waits for the disk of an agent that has ended is never done', () => {
  for (const end of ['killAgent', 'powerOff'] as const) {
    const machine = new TestMachine()
    const writes = [{ key: 'a', value: 1 }]
    machine.performer.performAll([
      { type: 'persist', id: 1, writes },
      { type: 'provide', service: 'web' },
    ])
    machine[end]()
    machine.run()
    assert.equal([machine.acts, machine.told], [[], []], end)
  }
})

performers.run()
