/**
 * A recorded cluster: its machines, and the tasks that came to it. GPUs are counted in thousandths of a
 * device, because the recorded tasks share them: one that takes a share fits only where a single device has
 * as much left, and one that takes several takes whole ones.
 */
import { readAlibabaGpu } from './alibaba-gpu.ts'
import { BrokenTrace } from './broken-trace.ts'

/** One device, in the unit that shares are counted in. */
export const deviceMilli = 1000

export interface TraceMember {
  readonly name: string
  /** Millicores. */
  readonly cpu: number
  /** MiB. */
  readonly memory: number
  /** Whole devices. */
  readonly devices: number
  /** Of its devices; empty without any. */
  readonly model: string
}

/** What a task asks for. */
export interface Demand {
  readonly cpu: number
  readonly memory: number
  /** Devices; 0 for a task without GPU. */
  readonly devices: number
  /** Of each device; below 1,000 only with one device. */
  readonly shareMilli: number
  /** Models that will do; empty for any. */
  readonly models: readonly string[]
}

export interface TraceTask extends Demand {
  readonly name: string
  /** Since the start of the trace, sped up. */
  readonly arrivalMs: number
  readonly durationMs: number
}

export interface Trace {
  readonly members: readonly TraceMember[]
  /** In order of arrival, then of name. */
  readonly tasks: readonly TraceTask[]
}

const readers: { readonly [name: string]: (folder: string) => Trace } = {
  'alibaba-gpu-2023': readAlibabaGpu,
}

/** `speedUp` 60 makes a minute of each hour. */
export function readTrace(name: string, folder: string, speedUp = 1): Trace {
  const read = readers[name]
  if (read === undefined) {
    const known = Object.keys(readers).sort().join(', ')
    throw new BrokenTrace(folder, undefined, `there is no trace format ${name}; known: ${known}`)
  }
  if (!(speedUp > 0 && speedUp <= 1e9))
    throw new BrokenTrace(folder, undefined, `a speed-up of ${speedUp} is not above 0`)
  return spedUp(read(folder), speedUp)
}

function spedUp({ members, tasks }: Trace, speedUp: number): Trace {
  const scale = (ms: number): number => Math.floor(ms / speedUp)
  return {
    members,
    tasks: tasks.map((task) => ({
      ...task,
      arrivalMs: scale(task.arrivalMs),
      durationMs: Math.max(1, scale(task.durationMs)),
    })),
  }
}
