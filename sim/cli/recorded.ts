/** `--trace`: the machines and the tasks of a recorded cluster in the place of a scenario's. */
import type { ArrivalSource } from '../arrival.ts'
import type { Scenario } from '../scenario/shape.ts'
import type { RunOptions } from '../scenario.ts'
import { readTrace } from '../trace/trace.ts'
import { labelsOfMember, traceArrivals } from '../workload/trace-arrivals.ts'
import type { Flags } from './flags.ts'
import { UsageError } from './usage.ts'

export interface Recorded {
  readonly credit: string
  readonly scenario: Scenario
  readonly machines: NonNullable<RunOptions['machines']>
  arrivals(): ArrivalSource
}

/** Machines beyond the recorded ones (`--members`) are as the recorded ones again. */
export function recordedCluster({ trace, speed = 1, words }: Flags): Recorded | undefined {
  if (trace === undefined) return undefined
  const folder = words[0]
  if (folder === undefined) throw new UsageError('--trace needs the folder of the trace after it')
  const { members, tasks } = readTrace(trace, folder, speed)
  const member = (host: number) => members[host % members.length]!
  const credit = `${tasks.length} tasks of ${trace}, ${speed}× as fast as recorded`
  const lastMs = tasks.at(-1)?.arrivalMs ?? 0
  return {
    credit,
    scenario: scenarioFor(trace, members.length, Math.ceil(lastMs / 1000) + 1),
    machines: {
      capacity: (host) => {
        const { cpu, memory, devices } = member(host)
        return { cpu, memory, disk: 1_000_000, gpu: devices }
      },
      labels: (host) => labelsOfMember(member(host)),
    },
    arrivals: () => traceArrivals(tasks, credit),
  }
}

function scenarioFor(name: string, count: number, seconds: number): Scenario {
  return {
    name,
    about: 'The machines and tasks of a recorded cluster.',
    members: {
      count,
      classes: [{ name: 'recorded', weight: 1, cpu: 1, memory: 1, disk: 0, gpu: 0, labels: {} }],
      regions: [{ name: 'one', weight: 1 }],
    },
    links: {
      sameRack: { latency: '100us..300us', jitter: '100us', loss: '0%', duplication: '0%' },
      sameRegion: { latency: '200us..1ms', jitter: '200us', loss: '0%', duplication: '0%' },
    },
    clocks: { skew: '5ms', driftPpm: 20 },
    workload: [],
    faults: [],
    start: 'warm',
    durations: { boot: '120s', bootSpread: '10s', safety: `${seconds}s`, liveness: '120s' },
    expect: ['falseDeaths = 0'],
    idleKnobs: 'fail',
    promises: ['S1', 'S2', 'S3'],
    encode: false,
  }
}
