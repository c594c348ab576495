/**
 * `scripts/fuzz`: scenario after scenario, each drawn from its seed, until a promise breaks or the budget is over.
 * What broke is shrunk, written as a scenario file, and told with the command that replays it.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Finding, verdictOf } from '../sim/fuzz/finding.ts'
import { shrink } from '../sim/fuzz/shrink.ts'
import { fuzzLimits as limits } from '../sim/limits.ts'
import { writeScenario } from '../sim/scenario/file.ts'
import { drawScenario, type SeededScenario } from '../sim/scenario.ts'
import { commandLine, wholeNumber } from './command-line.ts'

const usage = `usage: scripts/fuzz [--seconds N] [--seeds N] [--seed FIRST] [--members A..B] [--out DIR]
  --seconds N      begins no seed after so long (60, unless --seeds is given)
  --seeds N        so many seeds
  --seed FIRST     the first of them; left out, it is drawn
  --members A..B   machines of a drawn scenario (5..30)
  --out DIR        where the scenario of a break is written (the system's temporary folder)
exit codes: 0 nothing broke, 1 a promise or an invariant broke, 2 wrong usage
example: scripts/fuzz --seeds 100 --seed 1 --members 5..15
`
const seedMax = 4_294_967_295
const aboutMax = 160

interface Plan {
  readonly first: number
  readonly seeds: number
  readonly endMs: number
  readonly membersMin: number
  readonly membersMax: number
  readonly out: string
}

function planOf(): Plan {
  const option = { type: 'string' } as const
  const options = { seconds: option, seeds: option, seed: option, members: option, out: option }
  const { values } = commandLine(usage, { options })
  const [least, most] = (values.members ?? '5..30').split('..')
  const membersMin = whole('members', least ?? '', 1, 10_000)
  const seconds = values.seconds ?? (values.seeds === undefined ? '60' : undefined)
  const first = values.seed ?? String(randomInt(1_000_000_000))
  return {
    first: whole('seed', first, 0, seedMax),
    seeds: whole('seeds', values.seeds ?? '1000000', 1, 1_000_000),
    endMs: seconds === undefined ? Infinity : 1000 * whole('seconds', seconds, 1, 1_000_000),
    membersMin,
    membersMax: whole('members', most ?? least ?? '', membersMin, 10_000),
    out: resolve(values.out ?? tmpdir()),
  }
}

function whole(flag: string, text: string, min: number, max: number): number {
  return wholeNumber(usage, flag, text, min, max)
}

/** The exit code. */
function fuzz(plan: Plan): number {
  for (let i = 0; i < plan.seeds && performance.now() < plan.endMs; i++) {
    const scenario = drawScenario(plan.first + i, plan)
    const finding = tryOne(scenario)
    if (finding === undefined) continue
    reportBreak(scenario, finding, plan.out)
    return 1
  }
  return 0
}

function tryOne(scenario: SeededScenario): Finding | undefined {
  const startedAt = performance.now()
  const { finding, strikes, isFull } = verdictOf(scenario)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const kinds = scenario.faults.map(({ fault }) => fault).join(' ')
  const verdict =
    finding === undefined ? `kept${isFull ? ' (full)' : ''}` : `BROKEN ${finding.text}`
  const { seed, members, start } = scenario
  process.stdout.write(
    `seed ${seed}  ${members.count} members  ${start}  ${strikes} strikes of ${kinds}  ${verdict}  ${seconds} s\n`,
  )
  return finding
}

function reportBreak(scenario: SeededScenario, finding: Finding, out: string): void {
  const startedAt = performance.now()
  const isOver = () => performance.now() - startedAt > limits.shrinkMs
  process.stdout.write(`shrinking, at most ${limits.shrinkRuns} runs …\n`)
  const stillBreaks = (variant: SeededScenario) => verdictOf(variant).finding?.name === finding.name
  const shrunk = shrink(scenario, stillBreaks, { runs: limits.shrinkRuns, isOver })
  const { seed, members, faults, workload } = shrunk.scenario
  const about = `With seed ${seed}: ${verdictOf(shrunk.scenario).finding?.text}`.slice(0, aboutMax)
  const file = join(out, `broken-${seed}.yaml`)
  mkdirSync(out, { recursive: true })
  writeFileSync(file, writeScenario({ ...shrunk.scenario, name: `broken-${seed}`, about }))
  const limit = shrunk.isMinimal ? '' : ', which were used up'
  process.stdout.write(`${about}
left after ${shrunk.runs} runs${limit}: members ${members.count}, faults ${faults.length}, loads ${workload.length}
replay with: scripts/starling sim --scenario ${file} --seed ${seed}
`)
}

process.exitCode = fuzz(planOf())
