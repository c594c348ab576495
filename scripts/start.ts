/**
 * `npm start`: one agent on this machine, or with `--agents N` a cluster of N. Everything is kept in `.starling/` of
 * the checkout; Ctrl-C stops all, tasks included. Other flags are handed to each agent.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const home = join(root, '.starling')
const main = join(root, 'node/main.ts')
/** Keeps the young generation of the heap small: 20 to 40 MiB less for each agent. */
const nodeFlags = ['--no-warnings', '--max-semi-space-size=2']

interface Options {
  readonly agents: number
  readonly portBase: number
  readonly rest: readonly string[]
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function readOptions(words: readonly string[]): Options {
  let agents = 1
  let portBase = 4600
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const [flag, inline] = words[i]!.split('=', 2)
    if (flag !== '--agents' && flag !== '--port-base') rest.push(words[i]!)
    else {
      const value = inline ?? words[++i]
      if (!/^[1-9][0-9]{0,4}$/.test(value ?? '')) fail(`${flag}: a number is expected`)
      if (flag === '--agents') agents = Number(value)
      else portBase = Number(value)
    }
  }
  if (agents > 50) fail('--agents: at most 50 on one machine')
  return { agents, portBase, rest }
}

async function checkPort(port: number): Promise<void> {
  const server = createServer()
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!isFree) fail(`port ${port} is taken; end what uses it, or choose others by --port-base`)
  await new Promise((resolve) => server.close(resolve))
}

function run(words: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, main, ...words], { stdio: 'inherit' })
}

async function makeKey(file: string): Promise<void> {
  if (existsSync(file)) return
  const code = await new Promise((resolve) => run(['init', file]).on('exit', resolve))
  if (code !== 0) process.exit(1)
}

async function isReady(api: string): Promise<boolean> {
  try {
    return (await fetch(`${api}/readyz`)).ok
  } catch {
    return false
  }
}

function agentWords(i: number, key: string, { agents, portBase, rest }: Options): string[] {
  const api = portBase + 10 * i
  const data = join(home, agents === 1 ? 'agent' : `agent${i + 1}`)
  const seed = i === 0 ? [] : ['--join', `127.0.0.1:${portBase + 1}`]
  const name = agents === 1 ? [] : ['--name', `node${i + 1}`]
  const address = ['--api', `127.0.0.1:${api}`, '--listen', `127.0.0.1:${api + 1}`]
  return ['agent', '--data', data, '--key', key, ...address, ...seed, ...name, ...rest]
}

const options = readOptions(process.argv.slice(2))
const apis = Array.from({ length: options.agents }, (_, i) => options.portBase + 10 * i)
for (const port of apis) {
  await checkPort(port)
  await checkPort(port + 1)
}
mkdirSync(home, { recursive: true })
const key = join(home, 'cluster.key')
await makeKey(key)
const children = apis.map((_, i) => run(agentWords(i, key, options)))
for (const child of children) child.on('exit', (code) => onExit(code ?? 1))
let isStopping = false
const stop = (): void => {
  if (isStopping) return
  isStopping = true
  for (const child of children) child.kill('SIGTERM')
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

function onExit(code: number): void {
  // One that cannot run takes the others down: the person should see why.
  if (!isStopping && code !== 0) process.exitCode = code
  stop()
}

for (const port of apis)
  while (!isStopping && !(await isReady(`http://127.0.0.1:${port}`)))
    await new Promise((resolve) => setTimeout(resolve, 100))
if (!isStopping) {
  const urls = apis.map((port) => `http://127.0.0.1:${port}`)
  const api = options.portBase === 4600 ? '' : `--api ${urls[0]} `
  process.stdout.write(`
Starling is up: ${urls.join(' ')}
API described at ${urls[0]}/openapi.json; data in ${home}
Submit a job, in another terminal:

  ${join(root, 'scripts/starling')} ${api}run ${join(root, 'scripts/examples/hello.yaml')} --wait

Ctrl-C stops everything.
`)
}
