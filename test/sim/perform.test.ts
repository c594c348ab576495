/** The simulated machine owes the core what the agent's own performer owes it. */
import { suite } from 'uvu'
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

performers.run()
