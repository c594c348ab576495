/** `snapshot`: the whole state as JSON, to a file or to standard output. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { type CommonOptions, clientOf, talking } from './command.ts'
import { CommandFailure } from './failure.ts'

export function addSnapshot(program: Command): void {
  talking(
    program,
    'snapshot [file]',
    'Save the whole state as JSON; without a file, print it',
  ).action(async (file: string | undefined, options: CommonOptions, command: Command) => {
    const answer = await clientOf(options, command).open({ path: '/v1/snapshot' })
    const target = file === undefined ? process.stdout : createWriteStream(file)
    try {
      await pipeline(answer, target, { end: file !== undefined })
    } catch (error) {
      throw new CommandFailure(`the snapshot is not complete: ${(error as Error).message}`)
    }
  })
}
