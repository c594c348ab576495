/** The command line of the simulator: which command, and how what went wrong is told. */
import { BrokenRun } from './cli/broken.ts'
import { compareCommand } from './cli/compare.ts'
import { type Flags, parseFlags } from './cli/flags.ts'
import { listCommand, showCommand } from './cli/list.ts'
import { replayCommand } from './cli/replay.ts'
import { runCommand } from './cli/run.ts'
import { fullUsage, shortUsage, UsageError } from './cli/usage.ts'
import { whatIfCommand } from './cli/what-if.ts'
import { FileProblem } from './file-problem.ts'
import { ScenarioProblem } from './scenario/file.ts'
import { BrokenTrace } from './trace/broken-trace.ts'

const commands: { readonly [word: string]: (flags: Flags) => number | Promise<number> } = {
  compare: compareCommand,
  list: listCommand,
  show: showCommand,
}

async function main(args: readonly string[]): Promise<number> {
  const [program, ...rest] = args
  if (program === 'replay') return replayCommand(rest)
  if (program !== 'sim') throw new UsageError(`there is no command ${program ?? ''}`.trim())
  const flags = parseFlags(rest)
  if (flags.help) {
    process.stdout.write(fullUsage)
    return 0
  }
  const word = flags.words[0] ?? ''
  if (flags.from !== undefined) return whatIfCommand(flags)
  const command = Object.hasOwn(commands, word) ? commands[word]! : runCommand
  return command(flags)
}

/** A person's mistake is one line; ours has its stack. */
function complain(error: unknown): number {
  if (error instanceof UsageError) {
    const program = process.argv[2] === 'replay' ? 'replay' : 'sim'
    process.stderr.write(`starling ${program}: ${error.message}\n${shortUsage[program]}`)
    return 2
  }
  if (!(error instanceof FileProblem) && !(error instanceof BrokenRun)) throw error
  process.stderr.write(`${error.message}\n`)
  return error instanceof ScenarioProblem || error instanceof BrokenTrace ? 2 : 1
}

/** Whoever read it, `head` for one, has read enough. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await main(process.argv.slice(2)).catch(complain)
