/** What a person is told when a core breaks in a run: one line, how to have it again, and where the record is. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Break } from '../broken-run.ts'
import { FlightRecorder } from '../flight-recorder.ts'
import { writtenDuration } from '../scenario/measure.ts'

export class BrokenRun extends Error {}

export interface BreakContext {
  /** Makes the same run again, with that host on record, up to where it breaks. */
  readonly again: (host: number, recorder: FlightRecorder) => void
  /** The command line that repeats it. */
  readonly command: string
  readonly seed: number
  /** Where the record goes. */
  readonly folder: string
}

export function brokenRun(found: Break, { again, command, seed, folder }: BreakContext): BrokenRun {
  const { member, step, atUs, reason } = found
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${member}-seed-${seed}.record`)
  const recorder = new FlightRecorder(file)
  again(found.host, recorder)
  recorder.close()
  return new BrokenRun(
    [
      `seed ${seed}: a bug in Starling: step ${step} of ${member}, at ${writtenDuration(atUs)}, broke: ${reason}`,
      `  again:  ${command}`,
      `  record: ${file} (starling replay ${file})`,
    ].join('\n'),
  )
}
