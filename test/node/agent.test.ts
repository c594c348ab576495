/** The agent as a process: starts, refusals, signals, restarts. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LocalAgent, LocalCluster, root, until } from '../../scripts/cluster.ts'

const agents = suite('agent')
const main = join(root, 'node/main.ts')
const limitMs = 20_000

async function withCluster(
  count: number,
  run: (agents: LocalAgent[]) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const cluster = await LocalCluster.start({ agents: count, flags })
  try {
    await run(cluster.agents)
  } catch (error) {
    for (const agent of cluster.agents)
      process.stderr.write(`${agent.name}:\n${agent.log().slice(-4000)}\n`)
    throw error
  } finally {
    await cluster.stop()
  }
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-agent-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function starling(...words: string[]): { code: number | null; out: string; complaint: string } {
  const env = { ...process.env, STARLING_API: undefined, STARLING_TOKEN: undefined }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', main, ...words],
    {
      encoding: 'utf8',
      timeout: limitMs,
      env,
    },
  )
  return { code: status, out: stdout, complaint: stderr }
}

function sleeper(id: string, count: number): object {
  const process = { command: ['sleep', '3600'] }
  return { id, count, tasks: [{ name: 'main', process, stopGrace: '1s' }] }
}

async function submit(agent: LocalAgent, id: string, count: number): Promise<void> {
  const answer = await agent.request('POST', '/v1/jobs', sleeper(id, count))
  assert.is(answer.status, 201)
  await until(() => runs(agent, id, count), `${id} runs`, limitMs)
}

async function runs(agent: LocalAgent, id: string, count: number): Promise<boolean> {
  const job = await agent.get<{ running: number; healthy: number }>(`/v1/jobs/${id}`)
  return job.running === count && job.healthy === count
}

async function isReady(agent: LocalAgent): Promise<boolean> {
  try {
    return (await agent.request('GET', '/readyz')).ok
  } catch {
    return false
  }
}

agents('SIGTERM: it leaves, its tasks end, and it ends with 0', () =>
  withCluster(2, async ([first, second]) => {
    await submit(first!, 'web', 4)
    const tasks = second!.taskPids()
    assert.ok(tasks.length > 0)
    await second!.terminate()
    assert.is(second!.child?.exitCode, 0)
    assert.equal(second!.taskPids(), [])
    assert.not(existsSync(join(second!.data, 'agent.pid')))
    const { members } = await first!.get<{ members: object }>('/v1/cluster')
    assert.equal(members, { alive: 1, suspect: 0, down: 0, left: 1 })
    await until(() => runs(first!, 'web', 4), 'the other takes over', limitMs)
  }),
)

agents('killed and restarted without --join it is back, with the tasks that it left', () =>
  withCluster(2, async ([first, second]) => {
    await submit(first!, 'web', 2)
    const tasks = second!.taskPids()
    await second!.kill()
    assert.equal(second!.taskPids(), tasks)
    // Only its journal says where the others are.
    second!.start(['--join', ''])
    await until(async () => (await second!.aliveCount()) === 2, 'it is back', limitMs)
    await until(() => runs(second!, 'web', 2), 'both see both run', limitMs)
    assert.equal(second!.taskPids(), tasks)
  }),
)

agents('--on-stop keep: the tasks go on, and the next agent adopts them', () =>
  withCluster(
    1,
    async ([agent]) => {
      await submit(agent!, 'web', 2)
      const tasks = agent!.taskPids()
      await agent!.terminate()
      assert.is(agent!.child?.exitCode, 0)
      assert.equal(agent!.taskPids(), tasks)
      agent!.start()
      await until(() => isReady(agent!), 'it is back', limitMs)
      await until(() => runs(agent!, 'web', 2), 'they are its tasks', limitMs)
      assert.equal(agent!.taskPids(), tasks)
    },
    ['--on-stop', 'keep'],
  ),
)

agents('a second signal ends it at once', () =>
  withCluster(1, async ([agent]) => {
    const stubborn = { command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] }
    const tasks = [{ name: 'main', process: stubborn, stopGrace: '1m' }]
    await agent!.request('POST', '/v1/jobs', { id: 'stubborn', tasks })
    await until(() => runs(agent!, 'stubborn', 1), 'it runs', limitMs)
    const ended = new Promise<number | null>((resolve) => agent!.child!.once('exit', resolve))
    agent!.child!.kill('SIGTERM')
    await until(async () => !(await isReady(agent!)), 'it leaves', limitMs)
    agent!.child!.kill('SIGINT')
    assert.is(await ended, 1)
  }),
)

agents('a second agent on the same data is told who has it', () =>
  withCluster(1, async ([agent]) => {
    const { code, complaint } = starling('agent', '--data', agent!.data, '--api', '127.0.0.1:1')
    assert.is(code, 1)
    assert.match(complaint, `pid ${agent!.pid}`)
  }),
)

async function withTakenPort(run: (address: string) => Promise<void>): Promise<void> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await run(`127.0.0.1:${(server.address() as { port: number }).port}`)
  } finally {
    server.close()
  }
}

for (const taken of ['--api', '--listen'] as const)
  agents(`a port that is taken is named: ${taken}`, () =>
    inFolder((folder) =>
      withTakenPort(async (address) => {
        const free = taken === '--api' ? '--listen' : '--api'
        const words = ['--data', folder, taken, address, free, '127.0.0.1:0']
        const { code, complaint } = starling('agent', ...words)
        assert.is(code, 1, complaint)
        assert.match(complaint, address)
        assert.match(complaint, taken)
      }),
    ),
  )

agents('what is wrong with a flag is said, and ends with 2', () =>
  inFolder(async (folder) => {
    for (const [words, expected] of [
      [['--cpu', 'much'], '--cpu: a whole number'],
      [['--join', '127.0.0.1:1'], "needs the cluster's key"],
      [['--key', join(folder, 'none')], 'starling init'],
      [['--nonsense'], '--nonsense'],
    ] as const) {
      const { code, complaint } = starling('agent', '--data', folder, ...words)
      assert.is(code, 2, complaint)
      assert.match(complaint, expected)
    }
  }),
)

agents('init makes a key once; token and version are printed', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'cluster.key')
    assert.is(starling('init', file).code, 0)
    assert.is(starling('init', file).code, 2)
    assert.match(starling('token', '--key', file).out, /^[A-Za-z0-9_-]{32}\n$/)
    assert.match(starling('version').out, /^\d+\.\d+\.\d+\n$/)
  }),
)

const broken = (folder: string) => `
  import { runAgent } from ${JSON.stringify(join(root, 'node/run-agent.ts'))}
  process.stdin.once('data', () => Promise.reject(new Error('nobody caught this')))
  const flags = { api: '127.0.0.1:0', listen: '127.0.0.1:0', runtime: 'process', log: 'json' }
  await runAgent({ ...flags, data: ${JSON.stringify(folder)} })`

agents('a bug ends it with 70 and a flight record', () =>
  inFolder(async (folder) => {
    const words = ['--no-warnings', '--input-type=module', '-e', broken(folder)]
    const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] })
    let log = ''
    child.stdout.on('data', (chunk) => {
      log += chunk
      if (log.includes('agent is up')) child.stdin.end('now')
    })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    assert.is(code, 70, log)
    assert.match(log, 'nobody caught this')
    assert.is(readdirSync(join(folder, 'flight')).length, 1)
  }),
)

agents.run()
