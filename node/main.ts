/** The entry: `starling agent` and the verbs that set one up; all others talk to an agent over HTTP. */
import { agentVerbs } from './agent-verbs.ts'
import { createCli, runCli } from './cli/program.ts'
import { AgentError } from './errors.ts'

try {
  process.exitCode = await runCli(createCli([agentVerbs]), process.argv.slice(2))
} catch (error) {
  if (!(error instanceof AgentError)) throw error
  process.stderr.write(`error: ${error.message}\n`)
  process.exitCode = error.exitCode
}
