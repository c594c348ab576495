/** The command line of `starling sim` as values; what is wrong with it is a UsageError of one line. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { scenarioLimits as limits, whatIfLimits } from '../limits.ts'
import { type ActName, type ActWords, isActName } from './acts.ts'
import { UsageError } from './usage.ts'

const options = {
  scenario: { type: 'string' },
  members: { type: 'string' },
  seconds: { type: 'string' },
  seed: { type: 'string' },
  seeds: { type: 'string' },
  workers: { type: 'string' },
  trace: { type: 'string' },
  speed: { type: 'string' },
  report: { type: 'string' },
  record: { type: 'string' },
  json: { type: 'boolean', default: false },
  events: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  from: { type: 'string' },
  kill: { type: 'string', multiple: true },
  'power-off': { type: 'string', multiple: true },
  drain: { type: 'string', multiple: true },
  add: { type: 'string', multiple: true },
  scale: { type: 'string', multiple: true },
  stop: { type: 'string', multiple: true },
  deploy: { type: 'string', multiple: true },
} as const satisfies ParseArgsConfig['options'] & { [name in ActName]: unknown }

export interface Flags {
  readonly words: readonly string[]
  readonly scenario: string | undefined
  readonly members: number | undefined
  readonly seconds: number | undefined
  readonly seed: number
  readonly seeds: number
  /** Undefined where nobody said how many. */
  readonly seedsGiven: number | undefined
  /** Seeds that run at a time, each in a thread of its own. */
  readonly workers: number
  readonly trace: string | undefined
  readonly speed: number | undefined
  readonly report: string | undefined
  /** A member whose lives are recorded. */
  readonly record: string | undefined
  readonly json: boolean
  readonly events: boolean
  readonly help: boolean
  /** A snapshot, whose members are run instead of a scenario's. */
  readonly from: string | undefined
  /** What-ifs, in their order. */
  readonly acts: readonly ActWords[]
}

const yearSeconds = 31_536_000
const seedMax = 4_294_967_295

export function parseFlags(args: readonly string[]): Flags {
  const { values, positionals, tokens } = parse(args)
  const { trace, speed, from } = values
  const { words, scenario } = withoutFile(positionals, values.scenario)
  if (speed !== undefined && trace === undefined) throw new UsageError('--speed needs --trace')
  if (trace !== undefined && scenario !== undefined)
    throw new UsageError('--trace and --scenario exclude each other')
  const seedsGiven = whole('seeds', values.seeds, 1, 1_000_000)
  const acts = actsOf(tokens)
  if (from === undefined && acts[0] !== undefined)
    throw new UsageError(`--${acts[0].name} needs --from SNAPSHOT`)
  const other = ofRuns.find((name) => values[name])
  if (from !== undefined && other !== undefined)
    throw new UsageError(`--from and --${other} exclude each other`)
  if (values.record !== undefined && (seedsGiven ?? 1) > 1)
    throw new UsageError('--record is of one seed')
  return {
    words,
    scenario,
    members: whole('members', values.members, 1, limits.members),
    seconds: whole('seconds', values.seconds, 1, yearSeconds),
    seed: whole('seed', values.seed, 0, seedMax) ?? 1,
    seeds: seedsGiven ?? 1,
    seedsGiven,
    workers: whole('workers', values.workers, 1, 64) ?? 1,
    trace,
    speed: factor('speed', speed),
    report: values.report,
    record: values.record,
    json: values.json,
    events: values.events,
    help: values.help,
    from,
    acts,
  }
}

/** `starling sim mine.yaml` will do. */
function withoutFile(words: string[], scenario: string | undefined) {
  const [word] = words
  const isFile = words.length === 1 && /\.ya?ml$/.test(word!)
  return isFile && scenario === undefined ? { words: [], scenario: word } : { words, scenario }
}

/** What a run of a scenario has, and a what-if has not. */
const ofRuns = ['scenario', 'trace', 'members', 'workers', 'report', 'record', 'events'] as const

function actsOf(tokens: ReturnType<typeof parse>['tokens']): ActWords[] {
  const acts = tokens.flatMap((token) =>
    token.kind === 'option' && isActName(token.name) && token.value !== undefined
      ? [{ name: token.name, value: token.value }]
      : [],
  )
  if (acts.length > whatIfLimits.acts)
    throw new UsageError(`at most ${whatIfLimits.acts} what-ifs can be done in one go`)
  return acts
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
    throw new UsageError(message.split(/\. |\n/)[0]!)
  }
}

function whole(
  flag: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined
  if (!/^[0-9]{1,12}$/.test(text)) throw new UsageError(`--${flag}: ${text} is not a whole number`)
  const value = Number(text)
  if (value < min || value > max) throw new UsageError(`--${flag}: must be from ${min} to ${max}`)
  return value
}

function factor(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[0-9]{1,9}(\.[0-9]{1,6})?$/.test(text) || Number(text) === 0)
    throw new UsageError(`--${flag}: ${text} is not a number above 0`)
  return Number(text)
}
