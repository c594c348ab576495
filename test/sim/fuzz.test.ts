/** A slice of the fuzzer's seeds: small clusters, where each fault strikes a larger share than in sim/promises. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Verdict, verdictOf } from '../../sim/fuzz/finding.ts'
import { drawScenario } from '../../sim/scenario.ts'

const fuzz = suite('sim/fuzz')

const seeds = Array.from({ length: 30 }, (_, i) => 7001 + i)
const verdicts: Verdict[] = []

for (const seed of seeds)
  fuzz(`seed ${seed}`, () => {
    const verdict = verdictOf(drawScenario(seed, { membersMin: 5, membersMax: 15 }))
    verdicts.push(verdict)
    const replay = `scripts/fuzz --seeds 1 --seed ${seed} --members 5..15`
    assert.is(verdict.finding, undefined, `replay with: ${replay}\n${verdict.finding?.text}`)
  })

fuzz('an agent whose disk refuses its start holds nonsense until it begins: seed 7613', () => {
  const { finding } = verdictOf(drawScenario(7613, { membersMin: 5, membersMax: 30 }))
  assert.is(finding, undefined, finding?.text)
})

fuzz('who is added knows more than one that was there before: seed 7614', () => {
  const { finding } = verdictOf(drawScenario(7614, { membersMin: 5, membersMax: 30 }))
  assert.is(finding, undefined, finding?.text)
})

fuzz(
  'they test what they say: faults strike, and most clusters have room for what is asked',
  () => {
    assert.ok(verdicts.every(({ strikes }) => strikes > 0))
    const full = verdicts.filter(({ isFull }) => isFull).length
    assert.ok(full * 3 < verdicts.length, `${full} of ${verdicts.length} were full`)
  },
)

fuzz.run()
