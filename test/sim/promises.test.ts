/** The promises under faults: twenty seeds of 50 to 200 members, and the same seed twice. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawScenario, type Outcome, runScenario } from '../../sim/scenario.ts'

const promises = suite('sim/promises')

const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
const outcomes: Outcome[] = []

for (const seed of seeds)
  promises(`seed ${seed}`, () => {
    const outcome = runScenario(drawScenario(seed))
    outcomes.push(outcome)
    const replay = `scripts/starling sim --seed ${seed}`
    assert.equal(outcome.violations, [], `replay with: ${replay}\n${outcome.violations.join('\n')}`)
  })

promises('each fault and each knob had effect in some run', () => {
  const faults = new Set(outcomes.flatMap((outcome) => Object.keys(outcome.faults)))
  assert.equal([...faults].sort(), [
    'add-members',
    'cut',
    'deafen',
    'destroy',
    'drain',
    'fail-starts',
    'fill-disk',
    'flap',
    'flood',
    'jump-clock',
    'kill-agent',
    'lose',
    'power-off',
    'restart-agent',
    'slow',
  ])
  for (const fault of faults) {
    const idle = outcomes.flatMap((outcome) => outcome.idle.filter((knob) => knob.includes(fault)))
    const strikes = sum((outcome) => outcome.faults[fault] ?? 0)
    assert.ok(strikes > idle.length, `${fault}: ${strikes} strikes, ${idle.join('; ')}`)
  }
  for (const count of ['sent', 'lost', 'cut'] as const)
    assert.ok(sum((outcome) => outcome.network[count]) > 0, count)
  assert.ok(sum((outcome) => outcome.acknowledged) > 20 * seeds.length)
})

promises('the same seed gives the same trace', () => {
  const again = runScenario(drawScenario(2))
  assert.is(again.traceHash, outcomes[1]!.traceHash)
  assert.is.not(outcomes[0]!.traceHash, outcomes[1]!.traceHash)
})

promises('encoding every message changes nothing', () => {
  const scenario = { ...drawScenario(3, { membersMin: 10, membersMax: 20 }), encode: false }
  const shared = runScenario(scenario)
  const encoded = runScenario({ ...scenario, encode: true })
  assert.is(encoded.traceHash, shared.traceHash)
})

function sum(of: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + of(outcome), 0)
}

promises.run()
