/**
 * When a core ends a run by a bug of ours: whose it was, and its record. The run is made again with the same seed, this
 * time with that member on record, so that recording costs nothing where nothing breaks.
 */
import { InvariantError } from '../protocol/base/invariant.ts'
import type { FlightRecorder } from './flight-recorder.ts'
import type { Run } from './scenario.ts'
import type { Simulator } from './simulator.ts'

export interface Break {
  readonly host: number
  readonly member: string
  /** Of that host, over all its lives. */
  readonly step: number
  readonly atUs: number
  readonly reason: string
}

/** What the error was, if a core threw it. */
export function breakOf({ stepping: host, nowUs }: Simulator, error: unknown): Break | undefined {
  if (host === undefined || !(error instanceof Error)) return undefined
  const reason = error instanceof InvariantError ? error.message : `${error.name}: ${error.message}`
  return { host: host.index, member: host.name, step: host.counts.steps, atUs: nowUs, reason }
}

/** To the end, or to what broke it. */
export function breakIn(run: Run): Break | undefined {
  try {
    for (const _ of run.steps());
    return undefined
  } catch (error) {
    const found = breakOf(run.simulator, error)
    if (found === undefined) throw error
    return found
  }
}

/** The same run again, with that host on record. */
export function breakAgain(run: Run, host: number, recorder: FlightRecorder): void {
  run.simulator.recorders.set(host, recorder)
  breakIn(run)
}
