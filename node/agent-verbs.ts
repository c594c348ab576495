/** `agent`, `init`, `token` and `version`: what is done on the machine itself. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import {
  apiToken,
  clusterName,
  newClusterKey,
  readClusterKey,
  writeClusterKey,
} from './cluster-key.ts'
import { AgentError } from './errors.ts'
import { type Flags, type SettingName, settingTable, variableOf } from './settings.ts'
import { version } from './version.ts'

export function agentVerbs(program: Command): void {
  addAgent(program)
  addInit(program)
  addToken(program)
  program
    .command('version')
    .description('Print the version of this program')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => print(json ? JSON.stringify({ version }) : version))
}

function addAgent(program: Command): void {
  const agent = program
    .command('agent')
    .description('Run the agent on this machine, until SIGTERM or SIGINT')
    .addHelpText(
      'after',
      `\nEach is also read from ${variableOf('<name>')}, and from a settings file in YAML.`,
    )
  for (const [name, { value, help, fallback }] of Object.entries(settingTable))
    agent.option(`--${name} <${value}>`, `${help} (default: ${fallback})`)
  agent.option('--config <FILE>', 'settings file')
  agent.action(async () => {
    // The agent's parts take a while to load; the other verbs do without them.
    const { runAgent } = await import('./run-agent.ts')
    await runAgent(flagsOf(agent.opts()))
  })
}

/** Commander turns `--log-level` into logLevel. */
function flagsOf(options: { readonly [name: string]: unknown }): Flags {
  const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [dashed(name), String(value)]),
  ) satisfies { [name in SettingName]?: string }
}

function addInit(program: Command): void {
  program
    .command('init [file]')
    .description("Make a cluster's key; its machines start with --key FILE")
    .action(async (file: string | undefined) => {
      const path = resolve(file ?? defaultKeyFile())
      if (existsSync(path))
        throw new AgentError('key-invalid', `${path} is there already, and is left as it is`)
      const key = newClusterKey()
      await writeClusterKey(path, key)
      print(`key of cluster ${clusterName(key)} written to ${path}`)
      print(`copy it to every machine, then: starling agent --key ${path} --join HOST:PORT`)
    })
}

function addToken(program: Command): void {
  program
    .command('token')
    .description('Print the token that the API asks for on other addresses than loopback')
    .option('--key <FILE>', "the cluster's key (default: cluster.key in the data folder)")
    .option('--data <DIR>', 'data folder of an agent (default: ~/.starling)')
    .option('--json', 'print JSON')
    .action(async ({ key, data, json }: { key?: string; data?: string; json?: boolean }) => {
      const file = resolve(key ?? process.env.STARLING_KEY ?? defaultKeyFile(data))
      const found = await readClusterKey(file)
      if (found === undefined)
        throw new AgentError('key-missing', `there is no key file ${file}; name it with --key`)
      const token = apiToken(found)
      print(json ? JSON.stringify({ token }) : token)
    })
}

function defaultKeyFile(data = process.env.STARLING_DATA): string {
  return join(data ?? join(homedir(), '.starling'), 'cluster.key')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
