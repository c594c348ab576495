/** `snapshot`: the whole state as JSON, to a file or to standard output. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { type CommonOptions, clientOf, talking } from './command.ts'
import { CommandFailure } from './failure.ts'

interface SnapshotOptions extends CommonOptions {
  output?: string
}

export function addSnapshot(program: Command): void {
  talking(
    program,
    'snapshot [file]',
    'Save the whole state as JSON, for starling sim --from; without a file, print it',
  )
    .option('-o, --output <file>', 'the same as the file given as a word')
    .action(async (word: string | undefined, options: SnapshotOptions, command: Command) => {
      if (word !== undefined && options.output !== undefined)
        throw new InvalidArgumentError('the file is given twice')
      const file = word ?? options.output
      const answer = await clientOf(options, command).open({ path: '/v1/snapshot' })
      const target = file === undefined ? process.stdout : createWriteStream(file)
      try {
        await pipeline(answer, target, { end: file !== undefined })
      } catch (error) {
        throw new CommandFailure(`the snapshot is not complete: ${(error as Error).message}`)
      }
    })
}
