/** Jobs as users would submit them, drawn from what the scenario says of their sizes. */
import type { Random } from '../../protocol/base/random.ts'
import { countRange, durationRangeUs, sharePpm } from '../scenario/quantity.ts'
import type { ArrivalsShape, JobsShape } from '../scenario/workload-shape.ts'
import { drawn } from './distribution.ts'

export type Sizes = Pick<
  JobsShape | ArrivalsShape,
  'type' | 'count' | 'cpu' | 'memory' | 'sizes' | 'ports' | 'constraints' | 'runs' | 'lifetimes'
>

export interface DrawnJob {
  readonly spec: { readonly [field: string]: unknown }
  readonly count: number
  /** Of all slots together. */
  readonly cpu: number
  readonly memory: number
  readonly runsUs: number | undefined
}

export function drawJob(id: string, sizes: Sizes, random: Random): DrawnJob {
  const count = drawn(random, countRange(sizes.count), sizes.sizes)
  const cpu = drawn(random, countRange(sizes.cpu), sizes.sizes)
  const memory = drawn(random, countRange(sizes.memory), sizes.sizes)
  const runsUs =
    sizes.runs === undefined
      ? undefined
      : drawn(random, durationRangeUs(sizes.runs), sizes.lifetimes)
  const hasPort = random.chance(sharePpm(sizes.ports), 1_000_000)
  const task = {
    name: 'main',
    process: { command: sleepCommand(runsUs) },
    env: { EDITION: String(random.below(1_000_000)) },
    resources: { cpu, memory },
    ports: hasPort ? [{ name: 'http' }] : [],
  }
  const constraints = sizes.constraints.map((each) => ({ ...each, operator: '=' }))
  const spec = {
    id,
    type: sizes.type,
    count,
    tasks: [task],
    ...(constraints.length > 0 && { constraints }),
  }
  return { spec, count, cpu: count * cpu, memory: count * memory, runsUs }
}

/** How long a task runs by itself: the runtime model ends a batch task's `sleep` when its time is over. */
export function sleepCommand(runsUs: number | undefined): string[] {
  return ['sleep', runsUs === undefined ? 'infinity' : String(Math.ceil(runsUs / 1000) / 1000)]
}
