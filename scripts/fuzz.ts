/**
 * `scripts/fuzz`: scenario after scenario, each drawn from its seed, until a promise breaks or the budget is over.
 * What broke is shrunk, written as a scenario file, and told with the command that replays it.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Finding, verdictOf } from '../sim/fuzz/finding.ts'
import { shrink } from '../sim/fuzz/shrink.ts'
import { fuzzLimits as limits } from '../sim/limits.ts'
import { writeScenario } from '../sim/scenario/file.ts'
import { drawScenario, type SeededScenario } from '../sim/scenario.ts'

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

class WrongUsage extends Error {}

function planOf(args: string[]): Plan {
  const option = { type: 'string' } as const
  const options = { seconds: option, seeds: option, seed: option, members: option, out: option }
  const { values } = parseArgs({ args, options })
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
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max))
    throw new WrongUsage(`--${flag}: ${text} is not a whole number from ${min} to ${max}`)
  return value
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

function main(args: string[]): number {
  if (args.includes('--help')) {
    process.stdout.write(usage)
    return 0
  }
  try {
    return fuzz(planOf(args))
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (!(error instanceof WrongUsage) && !code?.startsWith('ERR_PARSE_ARGS')) throw error
    process.stderr.write(`${message.split('\n')[0]}\n${usage}`)
    return 2
  }
}

process.exitCode = main(process.argv.slice(2))
