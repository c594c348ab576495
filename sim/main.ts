/** `starling sim`: one scenario or a range of seeds, with the seed first, so that any failure can be replayed. */
import { parseArgs } from 'node:util'
import { allFaults } from './nemesis.ts'
import { reportLine, reportTable } from './report.ts'
import { drawScenario, runScenario, type Scenario } from './scenario.ts'

const usage = `usage: starling sim [options]
  --seed N          first seed (1)
  --seeds N         how many seeds to run (1)
  --members N       members, instead of 50 to 200 drawn from the seed
  --seconds N       virtual seconds of faults and load (15)
  --faults a,b      kill-agent power-off cut deafen fill-disk add-member, or none
  --loss PERMILLE   messages lost
  --trace           print each event
  --json            print the outcome as JSON
`

const options = {
  seed: { type: 'string', default: '1' },
  seeds: { type: 'string', default: '1' },
  members: { type: 'string' },
  seconds: { type: 'string' },
  faults: { type: 'string' },
  loss: { type: 'string' },
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
  scenario: Scenario,
  values: { members?: string; seconds?: string; faults?: string; loss?: string },
): Scenario {
  const { members, seconds, faults, loss } = values
  return {
    ...scenario,
    ...(members !== undefined && { members: whole('members', members) }),
    ...(seconds !== undefined && { safetyUs: whole('seconds', seconds) * 1_000_000 }),
    ...(faults !== undefined && { faults: faultList(faults) }),
    ...(loss !== undefined && {
      network: { ...scenario.network, lossPermille: whole('loss', loss) },
    }),
  }
}

function faultList(text: string): Scenario['faults'] {
  if (text === 'none') return []
  return text.split(',').map((name) => {
    const fault = allFaults.find((each) => each === name)
    if (fault === undefined) throw new UsageError(`--faults: there is no fault ${name}`)
    return fault
  })
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
