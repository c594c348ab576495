/** What all commands that talk to an agent have in common: where it is, the token, and the form of output. */
import { type Command, InvalidArgumentError } from 'commander'
import { Client, defaultApi } from './client.ts'

export interface CommonOptions {
  api?: string
  token?: string
  json?: boolean
}

/** `form`: the verb with its arguments, `logs <target>`. */
export function talking(program: Command, form: string, description: string): Command {
  return program
    .command(form)
    .description(description)
    .option('--api <url>', `the agent to ask; STARLING_API, or ${defaultApi}`)
    .option('--token <token>', 'the bearer token that it asks for; STARLING_TOKEN')
}

export function reading(program: Command, form: string, description: string): Command {
  return talking(program, form, description).option('--json', 'print JSON')
}

/** Options before the verb, after it, then the environment. */
export function clientOf(options: CommonOptions, command: Command): Client {
  const before = (command.parent?.opts() ?? {}) as CommonOptions
  const api = options.api ?? before.api ?? process.env.STARLING_API
  const token = options.token ?? before.token ?? process.env.STARLING_TOKEN
  return new Client(addressOf(api || defaultApi), token || undefined)
}

/** `host:port` will do. */
function addressOf(api: string): URL {
  const url = /^https?:\/\//.test(api) ? api : `http://${api}`
  if (URL.canParse(url)) return new URL(url.endsWith('/') ? url : `${url}/`)
  throw new InvalidArgumentError(`${api} is no address of an agent: HOST:PORT is expected`)
}

export function print(text: string): void {
  process.stdout.write(text)
}

export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`)
}

/** Of an option: commander says which. */
export function readNumber(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}

/** Of a word among the arguments. */
export function readArgument(name: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`${name} must be a whole number, not ${text}`)
}

export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}

/** A name as one step of a path. */
export function step(name: string): string {
  return encodeURIComponent(name)
}
