/**
 * The command line. Exit codes: 0 done, 1 it failed (the agent refused, was not there, or a wait ended), 2 the
 * command line itself was wrong.
 */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { version } from '../version.ts'
import { addCompletion } from './completion.ts'
import { addEvents } from './events.ts'
import { CommandFailure } from './failure.ts'
import { addJobs } from './jobs.ts'
import { addLogs } from './logs.ts'
import { addNodes } from './nodes.ts'
import { addRun } from './run.ts'
import { addServices } from './services.ts'
import { addSnapshot } from './snapshot.ts'
import { addWhy } from './why.ts'

export type Addition = (program: Command) => void

/** `additions` come first in the help: the verbs that set an agent up. */
export function createCli(additions: readonly Addition[] = []): Command {
  const program = new Command('starling')
    .description('A data center as one computer, with no master in it')
    .option('--api <url>', 'the agent to ask; STARLING_API, or http://127.0.0.1:4600')
    .option('--token <token>', 'the bearer token that it asks for; STARLING_TOKEN')
    .version(version, '-V, --version', 'print the version of this program')
    .addHelpText(
      'after',
      '\nstarling sim and starling replay run the simulator: each has a --help of its own.',
    )
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
  const client = [addRun, addJobs, addNodes, addLogs, addWhy, addServices, addEvents, addSnapshot]
  for (const add of [...additions, ...client, addCompletion]) add(program)
  return program
}

/** The words after `starling`. Resolves with the exit code; never rejects for what a user can cause. */
export async function runCli(program: Command, words: readonly string[]): Promise<number> {
  process.stdout.on('error', endQuietly)
  try {
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof InvalidArgumentError) return complain(2, error.message)
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof CommandFailure) return complain(1, error.message, error.details)
    throw error
  }
}

/** The reader of a pipe has seen enough: `starling logs web | head`. */
function endQuietly(error: Error & { code?: string }): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

function complain(code: number, message: string, details: readonly string[] = []): number {
  const lines = [`error: ${message}`, ...details.map((detail) => `  ${detail}`)]
  process.stderr.write(`${lines.join('\n')}\n`)
  return code
}
