import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Clock } from '../../node/clock.ts'

const clocks = suite('clock')

/** A machine whose clocks the test sets. */
class Machine {
  wall = 1_700_000_000_000
  steady = 5000

  wallMs(): number {
    return this.wall
  }

  steadyMs(): number {
    return this.steady
  }

  pass(ms: number): void {
    this.wall += ms
    this.steady += ms
  }
}

clocks('it runs with the machine', () => {
  const machine = new Machine()
  const clock = new Clock(machine)
  machine.pass(1234)
  assert.is(clock.now(), machine.wall)
})

clocks('set forward, it follows at once', () => {
  const machine = new Machine()
  const clock = new Clock(machine)
  machine.wall += 3_600_000
  assert.is(clock.now(), machine.wall)
})

clocks('set back, it goes on a little slower until the time is the same again', () => {
  const machine = new Machine()
  const clock = new Clock(machine)
  const before = clock.now()
  machine.wall -= 10_000
  machine.pass(1000)
  assert.is(clock.now(), before + 900)
  for (let i = 0; i < 200; i++) {
    machine.pass(1000)
    clock.now()
  }
  assert.is(clock.now(), machine.wall)
})

clocks('whatever is done to the machine, it never goes back', () => {
  const steps = fc.array(
    fc.record({ jump: fc.integer({ min: -1e7, max: 1e7 }), pass: fc.nat(100_000) }),
  )
  fc.assert(
    fc.property(steps, (changes) => {
      const machine = new Machine()
      const clock = new Clock(machine)
      let last = clock.now()
      for (const { jump, pass } of changes) {
        machine.wall += jump
        machine.pass(pass)
        const now = clock.now()
        assert.ok(now >= last && Number.isInteger(now))
        last = now
      }
    }),
  )
})

clocks.run()
