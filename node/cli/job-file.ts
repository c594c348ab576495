/** A job from a file, from standard input, or from the words of a command line. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { InvalidArgumentError } from 'commander'
import { parseJson } from '../api/json.ts'
import { RequestProblem } from '../api/problem.ts'
import { parseYaml } from '../api/yaml.ts'
import { CommandFailure } from './failure.ts'

export interface QuickOptions {
  id?: string
  type?: string
  count?: number
  docker?: string
  cpu?: number
  memory?: number
  env?: string[]
  port?: string[]
}

/** `-` is standard input. */
export async function readJobFile(file: string): Promise<{ [field: string]: unknown }> {
  const job = parse(file, file === '-' ? await text(process.stdin) : await load(file))
  if (typeof job === 'object' && job !== null && !Array.isArray(job)) return { ...job }
  throw new CommandFailure(`${file} holds no job: it must be an object with \`id\` and \`tasks\``)
}

async function load(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CommandFailure(`cannot read ${file}: ${(error as Error).message}`)
  }
}

function parse(file: string, content: string): unknown {
  try {
    return file.endsWith('.json') || isJson(content) ? parseJson(content) : parseYaml(content)
  } catch (error) {
    if (error instanceof RequestProblem) throw new CommandFailure(`${file}: ${error.message}`)
    throw error
  }
}

/** YAML may begin with a brace too. */
function isJson(content: string): boolean {
  if (!content.trimStart().startsWith('{')) return false
  try {
    JSON.parse(content)
    return true
  } catch {
    return false
  }
}

/** One task with the job's id as its name. */
export function quickJob(words: readonly string[], options: QuickOptions): object {
  const { id, type, count, docker, cpu, memory, env, port } = options
  const run =
    docker === undefined
      ? { process: { command: words } }
      : { docker: { image: docker, ...(words.length > 0 && { args: words }) } }
  const resources = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) }
  const task = {
    name: 'main',
    ...run,
    ...(env && { env: Object.fromEntries(env.map(readVariable)) }),
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(port && { ports: port.map(readPort) }),
  }
  return { id, ...(type && { type }), ...(count !== undefined && { count }), tasks: [task] }
}

function readVariable(given: string): [string, string] {
  const at = given.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError(`--env ${given}: must be NAME=value`)
  return [given.slice(0, at), given.slice(at + 1)]
}

/** `http`, or `http:80` for the port inside a container. */
function readPort(given: string): object {
  const [name, container] = given.split(':')
  return { name, ...(container !== undefined && { container: Number(container) }) }
}
