/** The simulated clock reads as the agent's own does, whatever the machine's clocks do. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Clock } from '../../node/clock.ts'
import { HostClock } from '../../sim/clock.ts'

const clock = suite('sim/clock')
const epochMs = 1_700_000_000_000

/** The agent's clock on a machine of the same history. */
class Machine {
  trueUs = 0
  offsetUs: number
  readonly driftPpm: number
  readonly agent: Clock

  constructor(offsetUs: number, driftPpm: number) {
    this.offsetUs = offsetUs
    this.driftPpm = driftPpm
    const steadyUs = () => this.trueUs + (this.trueUs * this.driftPpm) / 1_000_000
    this.agent = new Clock({
      steadyMs: () => steadyUs() / 1000,
      wallMs: () => epochMs + (steadyUs() + this.offsetUs) / 1000,
    })
  }
}

const act = fc.record({
  passUs: fc.integer({ min: 0, max: 3_000_000 }),
  jumpUs: fc.oneof(fc.constant(0), fc.integer({ min: -5_000_000, max: 5_000_000 })),
})

clock('reads within a millisecond of the agent’s clock, and never goes back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -300_000, max: 300_000 }),
      fc.integer({ min: -500, max: 500 }),
      fc.array(act, { maxLength: 100 }),
      (offsetUs, driftPpm, acts) => {
        const machine = new Machine(offsetUs, driftPpm)
        const host = new HostClock({ epochMs, offsetUs, driftPpm })
        let last = host.nowMs(0)
        for (const { passUs, jumpUs } of acts) {
          machine.trueUs += passUs
          if (jumpUs !== 0) {
            // Both are read just before, as a busy agent does.
            machine.agent.now()
            host.jump(jumpUs, machine.trueUs)
            machine.offsetUs += jumpUs
          }
          const [real, simulated] = [machine.agent.now(), host.nowMs(machine.trueUs)]
          assert.ok(Math.abs(real - simulated) <= 1, `${real} against ${simulated}`)
          assert.ok(simulated >= last)
          last = simulated
        }
      },
    ),
  )
})

clock('set back, it runs a tenth slower until the wall clock has caught up', () => {
  const host = new HostClock({ epochMs, offsetUs: 0, driftPpm: 0 })
  host.jump(-1_000_000, 5_000_000)
  assert.is(host.nowMs(5_000_000), epochMs + 5000)
  assert.is(host.nowMs(6_000_000), epochMs + 5900)
  for (let us = 6_000_000; us < 15_000_000; us += 10_000) host.nowMs(us)
  // Within a millisecond it counts as caught up with, as in the agent.
  assert.ok(host.nowMs(16_000_000) - (epochMs + 15_000) <= 1)
  assert.ok(host.counts.slowedReadings > 500)
  assert.is(host.counts.jumps, 1)
})

clock('a timer runs on the steady clock: a jump does not move it, a drift does', () => {
  const host = new HostClock({ epochMs, offsetUs: 0, driftPpm: 0 })
  assert.is(host.timerAtUs(epochMs + 100, 0), 100_000)
  host.jump(60_000, 0)
  assert.is(host.timerAtUs(epochMs + 100, 0), 40_000)
  assert.is(host.timerAtUs(epochMs, 0), 1000)
  const fast = new HostClock({ epochMs, offsetUs: 0, driftPpm: 1000 })
  const at = fast.timerAtUs(epochMs + 10_000, 0)
  assert.is(at, 9_990_010)
  assert.is(fast.nowMs(at), epochMs + 10_000)
})

clock.run()
