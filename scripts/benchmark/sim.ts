/** The simulator's speed and memory: full protocol, warm, on one core, each run in a process of its own. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { atLeast, atMost, type Figure, median } from './figure.ts'

interface Measured {
  readonly timesRealTime: number
  readonly mebibytes: number
  readonly setUpMs: number
  readonly events: number
  readonly wallMs: number
  readonly running: number
  readonly crashes: number
  readonly falseDeaths: number
  readonly asleep: number
}

export interface SimTarget {
  readonly name: string
  readonly flags: readonly string[]
  readonly timesRealTime: number
  readonly gibibytes: number | undefined
  readonly heapMiB: number
  /** Of the young generation, where it is not as scripts/starling has it. */
  readonly youngMiB?: number
  /** Seeds, where there is time. */
  readonly runs: number
}

export const simTargets: { readonly [part: string]: SimTarget } = {
  'sim-10k': {
    name: '10,000 members, quiet',
    flags: ['--members', '10000', '--seconds', '60'],
    timesRealTime: 25,
    gibibytes: 1,
    heapMiB: 4096,
    runs: 3,
  },
  'sim-10k-churn': {
    name: '10,000 members, 20 crashes a minute, 1 % loss, 1,000 jobs',
    flags: '--members 10000 --seconds 60 --crashesPerMinute 20 --lossPermille 10 --jobs 1000'.split(
      ' ',
    ),
    timesRealTime: 8,
    gibibytes: undefined,
    heapMiB: 12_288,
    youngMiB: 128,
    runs: 3,
  },
  'sim-100k': {
    name: '100,000 members, quiet',
    flags: ['--members', '100000', '--seconds', '20'],
    timesRealTime: 2,
    gibibytes: 12,
    heapMiB: 14_336,
    runs: 3,
  },
  'sim-1m': {
    name: '1,000,000 members asleep, each knowing the 100,000 of its cell and none of the others',
    flags: '--members 1000000 --seconds 20 --cell 100000 --start asleep'.split(' '),
    timesRealTime: 0.2,
    gibibytes: 20,
    heapMiB: 18_000,
    runs: 1,
  },
}

const program = fileURLToPath(new URL('./sim-run.ts', import.meta.url))

export function benchSim(target: SimTarget, runs: number): Figure[] {
  const measured = Array.from({ length: runs }, (_, i) => measure(target, i + 1))
  const of = (name: keyof Measured) => median(measured.map((each) => each[name]))
  const note = [
    runs > 1 && `${measured.map((each) => each.timesRealTime.toFixed(1)).join(', ')} ×`,
    `set up in ${(of('setUpMs') / 1000).toFixed(0)} s`,
    `${(of('events') / of('wallMs') / 1000).toFixed(2)} M events/s`,
    of('asleep') > 0 && `${of('asleep')} asleep at the end`,
    of('running') > 0 && `${of('running')} tasks`,
    of('crashes') > 0 && `${of('crashes')} crashes, ${of('falseDeaths')} false deaths`,
  ]
  const speed = { name: target.name, value: of('timesRealTime'), unit: '× real time' }
  const memory = { name: `${target.name}: memory`, value: of('mebibytes'), unit: 'MiB' }
  return [
    atLeast(target.timesRealTime, { ...speed, note: note.filter(Boolean).join(', ') }),
    target.gibibytes === undefined ? memory : atMost(1024 * target.gibibytes, memory),
  ]
}

function measure({ flags, heapMiB, youngMiB = 32 }: SimTarget, seed: number): Measured {
  // As scripts/starling runs it.
  const heap = [`--max-old-space-size=${heapMiB}`, '--heap-growing-percent=50']
  const node = ['--no-warnings', ...heap, `--max-semi-space-size=${youngMiB}`]
  const { status, stdout, signal } = spawnSync(
    process.execPath,
    [...node, program, ...flags, '--seed', `${seed}`],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  if (status !== 0) throw new Error(`the run ended with ${signal ?? status}`)
  return JSON.parse(stdout) as Measured
}
