/**
 * `npm start`: an agent on this machine, or several that form a cluster, and what to do with it. Other flags go
 * to the agents as they are. Ctrl-C stops all of them, and the tasks that they run.
 *
 * The agents are in process groups of their own: a terminal sends Ctrl-C to a whole group and npm sends it once
 * more, and an agent takes the second for impatience.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const usage = `usage: npm start -- [--agents N] [--port-base PORT] [--data DIR] [flags of starling agent]
  --agents     how many agents, on this machine, in one cluster (1)
  --port-base  the first agent's API is here, its peers one above; the next agent 10 above (4600)
  --data       folder of the agents' data (.starling in this checkout)
`
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const main = join(root, 'node/main.ts')
/** A small young generation of the heap: 20 to 40 MiB less for each agent. */
const nodeFlags = ['--no-warnings', '--max-semi-space-size=2']
/** With the compiled code cached, an agent is up sooner and needs 20 MiB less: types are stripped once. */
const nodeEnv = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'), ...process.env }
const portStep = 10
const readyMs = 60_000
/** Terminal and npm both pass a Ctrl-C on. */
const sameSignalMs = 1000

interface Options {
  readonly agents: number
  readonly portBase: number
  readonly data: string
  /** For the agents. */
  readonly flags: readonly string[]
}

interface Started {
  readonly name: string
  readonly api: string
  readonly log: string | undefined
  readonly words: readonly string[]
  readonly child: ChildProcess
}

function readOptions(words: readonly string[]): Options {
  const own: { [name: string]: string } = {}
  const flags: string[] = []
  for (let i = 0; i < words.length; i++) {
    const [, name, inline] = /^--(agents|port-base|data)(?:=(.*))?$/.exec(words[i]!) ?? []
    if (name === undefined) flags.push(words[i]!)
    else own[name] = inline ?? words[++i] ?? ''
  }
  if (flags.includes('--help')) end(usage, 0)
  const agents = wholeNumber(own, 'agents', 1)
  if (agents > 1 && flags.some((flag) => /^--(api|listen|name|join)\b/.test(flag)))
    end(`--agents ${agents} chooses the agents' names and addresses itself; use --port-base`, 2)
  const data = own.data ?? join(root, '.starling')
  return { agents, portBase: wholeNumber(own, 'port-base', 4600), data, flags }
}

function wholeNumber(own: { [name: string]: string }, name: string, fallback: number): number {
  const text = own[name] ?? String(fallback)
  const value = Number(text)
  const max = name === 'agents' ? 50 : 65_000
  if (/^[0-9]+$/.test(text) && value >= 1 && value <= max) return value
  return end(`--${name}: a whole number from 1 to ${max} is expected, not ${text}\n\n${usage}`, 2)
}

function end(message: string, code: number): never {
  process.stderr.write(`${message.trimEnd()}\n`)
  process.exit(code)
}

async function requireFreePorts({ agents, portBase, flags }: Options): Promise<void> {
  if (flags.some((flag) => /^--(api|listen)\b/.test(flag))) return
  for (let i = 0; i < agents; i++)
    for (const port of [apiPort(portBase, i), apiPort(portBase, i) + 1])
      if (!(await isFree(port)))
        end(
          `port ${port} is in use, perhaps by another agent. Try other ports: ` +
            `npm start -- --port-base ${portBase + 1000}`,
          1,
        )
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function apiPort(portBase: number, index: number): number {
  return portBase + portStep * index
}

function makeKey(data: string): string {
  const file = join(data, 'cluster.key')
  if (existsSync(file)) return file
  mkdirSync(data, { recursive: true })
  const made = spawnSync(process.execPath, [...nodeFlags, main, 'init', file], {
    encoding: 'utf8',
  })
  if (made.status !== 0) end(made.stderr, 1)
  return file
}

function startAgent(options: Options, index: number, key: string): Started {
  const { agents, portBase, data, flags } = options
  const name = `agent-${index + 1}`
  const port = apiPort(portBase, index)
  const others = Array.from({ length: agents }, (_, i) => i).filter((i) => i !== index)
  const peers = others.map((i) => `127.0.0.1:${apiPort(portBase, i) + 1}`)
  const log = agents > 1 ? join(data, `${name}.log`) : undefined
  const out = log === undefined ? 'inherit' : openSync(log, 'a')
  const words = [
    ...['--name', name, '--data', join(data, name), '--key', key],
    ...['--api', `127.0.0.1:${port}`, '--listen', `127.0.0.1:${port + 1}`],
    ...(peers.length > 0 ? ['--join', peers.join(',')] : []),
    ...(agents > 1 ? shareOfMachine(agents) : []),
    ...flags,
  ]
  const child = spawn(process.execPath, [...nodeFlags, main, 'agent', ...words], {
    stdio: ['ignore', out, out],
    env: nodeEnv,
    detached: true,
  })
  return { name, api: apiOf(flags) ?? `http://127.0.0.1:${port}`, log, words, child }
}

/** Agents of one machine that each offered all of it would promise it several times. */
function shareOfMachine(agents: number): string[] {
  const cpu = Math.floor((availableParallelism() * 1000) / agents)
  const memory = Math.floor((totalmem() / 2 ** 20 - 512) / agents)
  return ['--cpu', String(cpu), '--memory', String(Math.max(64, memory))]
}

function apiOf(flags: readonly string[]): string | undefined {
  const i = flags.findIndex((flag) => /^--api\b/.test(flag))
  if (i === -1) return undefined
  const address = flags[i]!.split('=')[1] ?? flags[i + 1] ?? ''
  return `http://${address.replace(/^(0\.0\.0\.0|\[::\])/, '127.0.0.1')}`
}

async function untilReady(started: readonly Started[]): Promise<void> {
  const giveUpAt = performance.now() + readyMs
  while (!(await allReady(started))) {
    if (performance.now() > giveUpAt) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function allReady(started: readonly Started[]): Promise<boolean> {
  const alive = await Promise.all(started.map(({ api }) => aliveMembers(api)))
  return alive.every((count) => count >= started.length)
}

/** Where the API asks for a token, that it answers is enough. */
async function aliveMembers(api: string): Promise<number> {
  try {
    const ready = await fetch(`${api}/readyz`, { signal: AbortSignal.timeout(2000) })
    if (!ready.ok) return 0
    const answer = await fetch(`${api}/v1/cluster`, { signal: AbortSignal.timeout(2000) })
    if (answer.status === 401) return Number.POSITIVE_INFINITY
    const { members } = (await answer.json()) as { members: { alive: number } }
    return members.alive
  } catch {
    return 0
  }
}

function greeting({ data }: Options, started: readonly Started[]): string {
  const api = started[0]!.api
  const at = api === 'http://127.0.0.1:4600' ? '' : ` --api ${api}`
  const starling = `${quoted(join(root, 'scripts/starling'))}${at}`
  const rows = started.map(
    ({ name, api, log, child }) => `  ${name}  ${api}  pid ${child.pid}${log ? `  ${log}` : ''}`,
  )
  const idea =
    started.length > 1 ? 'Kill one of them, and see what it ran come up on the others.\n' : ''
  const count = started.length === 1 ? 'The agent is' : `${started.length} agents are`
  return `
${count} ready:
${rows.join('\n')}

Submit a job, from another terminal:

  ${starling} run ${quoted(join(root, 'scripts/examples/hello.yaml'))} --wait

then look at it: ${starling} ps
${idea}Data is kept in ${relative(process.cwd(), data) || '.'}. Ctrl-C stops everything.
`
}

function quoted(path: string): string {
  return /^[\w./@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

/** Asks the agents to leave, once; a second signal a while later ends them at once. */
function stopper(started: readonly Started[]): () => void {
  let firstAt: number | undefined
  return () => {
    const now = performance.now()
    if (firstAt !== undefined && now - firstAt < sameSignalMs) return
    firstAt ??= now
    for (const { child } of started) child.kill('SIGTERM')
  }
}

async function run(options: Options): Promise<number> {
  await requireFreePorts(options)
  const key = makeKey(options.data)
  const started = Array.from({ length: options.agents }, (_, i) => startAgent(options, i, key))
  const stop = stopper(started)
  let isStopping = false
  const onSignal = () => {
    if (!isStopping) process.stderr.write('\nstopping\n')
    isStopping = true
    stop()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const ends = started.map((agent) => endOf(agent, () => isStopping))
  const anyEnd = Promise.race(ends)
  const isUp = await Promise.race([untilReady(started).then(() => true), anyEnd.then(() => false)])
  if (isUp) process.stdout.write(greeting(options, started))
  // One that cannot even start is a mistake in the words; one that is killed later is what the others are for.
  else if (!isStopping) stop()
  return Math.max(...(await Promise.all(ends)))
}

/** Its exit code; says how it ended, where nobody asked it to. */
function endOf({ name, log, words, child }: Started, isAsked: () => boolean): Promise<number> {
  const say = (line: string) => process.stderr.write(`${line}\n`)
  return new Promise((resolve) =>
    child.once('exit', (code, signal) => {
      const where = log === undefined ? '' : `; its log: ${log}`
      if (signal !== null) say(`${name} was ended by ${signal}`)
      else if (code !== 0 || !isAsked()) say(`${name} ended with ${code}${where}`)
      const isOneOfMany = log !== undefined
      if (signal !== null && isOneOfMany && !isAsked())
        say(
          `What it ran goes on, until it is started again and takes it over:\n  ${command(words)}`,
        )
      resolve(code ?? (isOneOfMany ? 0 : 1))
    }),
  )
}

function command(words: readonly string[]): string {
  return [join(root, 'scripts/starling'), 'agent', ...words].map(quoted).join(' ')
}

process.exitCode = await run(readOptions(process.argv.slice(2)))
