/** The command line by itself, without the verbs of the agent. */
import { createCli, runCli } from '../../../node/cli/program.ts'

process.exitCode = await runCli(createCli(), process.argv.slice(2))
