/** What a person is told when a core breaks in a run: one line, how to have it again, and where the record is. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Break, recordBreak } from '../broken-run.ts'
import { writtenDuration } from '../scenario/measure.ts'
import type { Run } from '../scenario.ts'

export class BrokenRun extends Error {}

export interface BreakContext {
  /** Makes the same run again. */
  readonly again: () => Run
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
  recordBreak(again(), found, file)
  return new BrokenRun(
    [
      `seed ${seed}: a bug in Starling: step ${step} of ${member}, at ${writtenDuration(atUs)}, broke: ${reason}`,
      `  again:  ${command}`,
      `  record: ${file} (starling replay ${file})`,
    ].join('\n'),
  )
}
