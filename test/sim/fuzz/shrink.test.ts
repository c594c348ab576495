/** Shrinking, with artificial breaks: the result still breaks, is no larger, and no single step makes it smaller. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shrink } from '../../../sim/fuzz/shrink.ts'
import { sizeOf, steps, variantsOf } from '../../../sim/fuzz/variants.ts'
import { inconsistencies } from '../../../sim/scenario/consistency.ts'
import { parseScenario, writeScenario } from '../../../sim/scenario/file.ts'
import { durationUs, sharePpm } from '../../../sim/scenario/quantity.ts'
import type { Scenario } from '../../../sim/scenario/shape.ts'
import { drawScenario, runScenario, type SeededScenario } from '../../../sim/scenario.ts'

const shrinking = suite('sim/fuzz/shrink')

type Break = (scenario: Scenario) => boolean

const always = { runs: 100_000, isOver: () => false }
const drawn = fc.nat(1_000_000).map((seed) => drawScenario(seed, { membersMin: 5, membersMax: 60 }))

/** What a bug needs: some of the parts that the scenario has. */
const bug = drawn.chain((scenario) =>
  fc.record({
    scenario: fc.constant(scenario),
    faults: fc.subarray([...new Set(scenario.faults.map(({ fault }) => fault))]),
    members: fc.integer({ min: 1, max: scenario.members.count }),
    safetyUs: fc.nat(durationUs(scenario.durations.safety)),
    needsLoss: fc.boolean(),
    needsLoad: fc.boolean(),
    /** Of the number of members: breaks that come and go as the scenario shrinks. */
    divisor: fc.constantFrom(1, 1, 2, 3),
  }),
)

shrinking('what comes out breaks, is no larger, and minimal for the steps', () => {
  fc.assert(
    fc.property(bug, ({ scenario, faults, members, safetyUs, needsLoss, needsLoad, divisor }) => {
      const breaks: Break = (each) =>
        faults.every((name) => each.faults.some(({ fault }) => fault === name)) &&
        each.members.count >= members &&
        each.members.count % divisor === scenario.members.count % divisor &&
        durationUs(each.durations.safety) >= safetyUs &&
        (!needsLoss || sharePpm(each.links.sameRack.loss) === lossOf(scenario)) &&
        (!needsLoad || each.workload.length > 0)
      const { scenario: small, isMinimal } = shrink(scenario, breaks, always)
      assert.ok(isMinimal)
      assert.ok(breaks(small))
      assert.ok(sizeOf(small) <= sizeOf(scenario))
      const smaller = steps.flatMap((step) => variantsOf(small, step)).filter(breaks)
      assert.equal(smaller, [])
      assert.equal(small.faults.map(({ fault }) => fault).sort(), [...faults].sort())
      assert.is(small.workload.length, needsLoad ? 1 : 0)
      assert.is(sharePpm(small.links.sameRack.loss), needsLoss ? lossOf(scenario) : 0)
      if (divisor === 1) assert.is(small.members.count, members)
    }),
    { numRuns: 100 },
  )
})

shrinking('each variant is smaller, sound, and can be written as a file', () => {
  fc.assert(
    fc.property(drawn, (scenario) => {
      const variants = steps.flatMap((step) => variantsOf<SeededScenario>(scenario, step))
      assert.ok(variants.length >= 10)
      for (const variant of variants) {
        assert.ok(sizeOf(variant) < sizeOf(scenario))
        assert.equal(inconsistencies(variant), [])
        const read = parseScenario(writeScenario(variant), 'variant.yaml')
        assert.equal({ ...read, seed: variant.seed }, variant)
      }
    }),
    { numRuns: 30 },
  )
})

shrinking('its runs and its time are bounded, and it says that they were used up', () => {
  const scenario = drawScenario(7)
  const byRuns = shrink(scenario, () => true, { runs: 3, isOver: () => false })
  assert.is(byRuns.runs, 3)
  assert.not(byRuns.isMinimal)
  let looks = 0
  const byTime = shrink(scenario, () => true, { runs: 1000, isOver: () => ++looks > 5 })
  assert.is(byTime.runs, 5)
  assert.not(byTime.isMinimal)
  const nothing = shrink(scenario, () => false)
  assert.is(nothing.scenario, scenario)
  assert.ok(nothing.isMinimal)
})

shrinking('a checker that minds any power cut is left with the power cut, in real runs', () => {
  const scenario: SeededScenario = {
    ...drawScenario(4, { membersMin: 4, membersMax: 6 }),
    faults: [
      { fault: 'kill-agent', at: '1s', target: { count: 1 }, for: '1s' },
      { fault: 'power-off', at: '1500ms', mean: '1s', target: { count: 1 }, for: '1s..2s' },
      { fault: 'fill-disk', at: '0s', target: { count: 1 }, for: '1s' },
    ],
    start: 'warm',
  }
  const mindsPower = (each: SeededScenario) => (runScenario(each).faults['power-off'] ?? 0) > 0
  assert.ok(mindsPower(scenario))
  const { scenario: small, isMinimal } = shrink(scenario, mindsPower)
  assert.ok(isMinimal)
  assert.equal(small.faults, [
    { fault: 'power-off', at: '0s', target: { count: 1 }, for: '1s..2s' },
  ])
  assert.equal(small.workload, [])
  assert.is(small.members.count, 1)
  assert.is(small.durations.safety, '1s')
  assert.equal(small.clocks, { skew: '0s', driftPpm: 0 })
})

function lossOf({ links }: Scenario): number {
  return sharePpm(links.sameRack.loss)
}

shrinking.run()
