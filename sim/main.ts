/** `starling sim`: one scenario or a range of seeds, with the seed first, so that any failure can be replayed. */
import { parseArgs } from 'node:util'
import { reportLine, reportTable } from './report.ts'
import { drawScenario, runScenario, type SeededScenario } from './scenario.ts'

const usage = `usage: starling sim [options]
  --seed N          first seed (1)
  --seeds N         how many seeds to run (1)
  --members N       members, instead of 50 to 200 drawn from the seed
  --seconds N       virtual seconds of faults and load (15)
  --trace           print each event
  --json            print the outcome as JSON
`

const options = {
  seed: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '1' },
  members: { type: 'string' },
  seconds: { type: 'string' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function main(): number {
  const { values } = parseArgs({ options, allowPositionals: true })
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const first = whole('seed', values.seed)
  let failed = 0
  for (let seed = first; seed < first + whole('seeds', values.seeds); seed++) {
    const scenario = adjust(drawScenario(seed), values)
    const startedAt = performance.now()
    const trace = values.trace ? (line: string) => process.stdout.write(`${line}\n`) : undefined
    const outcome = runScenario(scenario, trace)
    const wallMs = performance.now() - startedAt
    if (values.json) process.stdout.write(`${JSON.stringify({ scenario, outcome })}\n`)
    else if (values.seeds === '1') process.stdout.write(reportTable(scenario, outcome, wallMs))
    else process.stdout.write(reportLine(scenario, outcome, wallMs))
    if (outcome.violations.length > 0) failed++
  }
  return failed === 0 ? 0 : 1
}

function adjust(
  scenario: SeededScenario,
  values: { members?: string; seconds?: string },
): SeededScenario {
  const { members, seconds } = values
  const { durations } = scenario
  return {
    ...scenario,
    ...(members !== undefined && {
      members: { ...scenario.members, count: whole('members', members) },
    }),
    ...(seconds !== undefined && {
      durations: { ...durations, safety: `${whole('seconds', seconds)}s` },
    }),
  }
}

function whole(flag: string, text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError(`--${flag}: ${text} is not a whole number`)
  return Number(text)
}

class UsageError extends Error {}

try {
  process.exitCode = main()
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
  if (!isUsage) throw error
  process.stderr.write(`${(error as Error).message}\n${usage}`)
  process.exitCode = 2
}
