/** `starling`: the verbs that set an agent up, and those that ask one. */
import type { Command } from 'commander'
import { type Agent, startAgent, version } from './agent.ts'
import { createCli, runCli } from './cli/program.ts'
import {
  apiToken,
  formatClusterKey,
  newClusterKey,
  readClusterKey,
  writeClusterKey,
} from './cluster-key.ts'
import { AgentError } from './errors.ts'
import { type Flags, readSettings, settingTable } from './settings.ts'

function addAgent(program: Command): void {
  const command = program.command('agent').description('run an agent on this machine')
  for (const [name, { value, help, fallback }] of Object.entries(settingTable))
    command.option(`--${name} <${value}>`, `${help} (${fallback})`)
  command.option('--config <FILE>', 'settings file (YAML)')
  command.action(async (options: { [name: string]: string | undefined }) => {
    const agent = await startAgent(readSettings(flagsOf(options), process.env))
    leaveOnSignals(agent)
    await agent.stopped
  })
}

/** Commander writes `log-level` as `logLevel`. */
function flagsOf(options: { [name: string]: string | undefined }): Flags {
  const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [dashed(name), value]))
}

function leaveOnSignals(agent: Agent): void {
  let isLeaving = false
  const onSignal = (): void => {
    // The second signal is a person who does not want to wait.
    if (isLeaving) process.exit(1)
    isLeaving = true
    void agent.leave()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function addInit(program: Command): void {
  program
    .command('init')
    .description("make a new cluster's key")
    .argument('[file]', 'where to write it; left out, it is printed')
    .action(async (file: string | undefined) => {
      const key = newClusterKey()
      if (file === undefined) process.stdout.write(formatClusterKey(key))
      else if ((await readClusterKey(file)) === undefined) await writeClusterKey(file, key)
      else
        throw new AgentError(
          'key-invalid',
          `${file} holds a cluster key already; it is left as it is`,
        )
    })
}

function addToken(program: Command): void {
  program
    .command('token')
    .description("print the API token that follows from a cluster's key")
    .requiredOption('--key <FILE>', "the cluster's key")
    .action(async ({ key: file }: { key: string }) => {
      const key = await readClusterKey(file)
      if (key === undefined) throw new AgentError('key-missing', `--key: there is no file ${file}`)
      process.stdout.write(`${apiToken(key)}\n`)
    })
}

function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`starling ${version}\n`)
    })
}

try {
  const program = createCli([addAgent, addInit, addToken, addVersion])
  process.exitCode = await runCli(program, process.argv.slice(2))
} catch (error) {
  if (!(error instanceof AgentError)) throw error
  process.stderr.write(`starling: ${error.message}\n`)
  process.exitCode = error.exitCode
}
