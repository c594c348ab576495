/** The Docker runtime against an engine that this file starts, and takes down whatever happens. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDockerRuntime } from '../../../node/runtime/docker.ts'
import { createProcessRuntime } from '../../../node/runtime/process.ts'
import {
  type LogOptions,
  type Runtime,
  RuntimeFailure,
  type TaskStart,
} from '../../../node/runtime/runtime.ts'
import { Runtimes } from '../../../node/runtime/runtimes.ts'
import type { ObservedTask } from '../../../protocol/event.ts'
import { image, startEngine, type TestEngine, whyNoEngine } from './engine.ts'
import { exitOf, main, processStart, readAll, type Told, taskSpec, until } from './fixture.ts'

const test = suite('docker')

interface Wishes {
  allocation: string
  args: string[]
  docker?: object
  task?: object
  env?: { [name: string]: string }
  ports?: { [name: string]: number }
}

function containerStart({ allocation, args, docker, task, env, ports }: Wishes): TaskStart {
  const spec = taskSpec({ docker: { image, args, pull: 'never', ...docker }, ...task })
  return {
    allocation,
    task: 'main',
    job: 'job',
    slot: 0,
    spec,
    ports: ports ?? {},
    env: env ?? {},
  }
}

const untilTold = 'echo up; until [ -e /end ]; do sleep 0.05; done; echo end; exit 6'

interface Agent {
  readonly runtime: Runtime
  readonly told: Told[]
}

function agentOn(engine: TestEngine, nodeId: string, hostIp?: string): Agent {
  const told: Told[] = []
  const runtime = createDockerRuntime({
    socketPath: engine.socketPath,
    nodeId,
    cluster: 'test',
    onExit: (ref, exit) => told.push({ ref, exit }),
    ...(hostIp !== undefined && { hostIp }),
  })
  return { runtime, told }
}

/** Each test is a node of its own on the shared engine; nothing of it stays. */
function withAgent(body: (agent: Agent, another: () => Agent) => Promise<void>) {
  return async () => {
    const nodeId = `node-${agents++}`
    const all = [agentOn(engine, nodeId)]
    const another = (): Agent => {
      const agent = agentOn(engine, nodeId)
      all.push(agent)
      return agent
    }
    try {
      await body(all[0]!, another)
    } finally {
      const last = another()
      for (const { allocation } of await last.runtime.observe())
        await last.runtime.remove(allocation)
      for (const { runtime } of all) await runtime.close()
    }
  }
}

let agents = 0

async function failureOf(asked: Promise<unknown>): Promise<RuntimeFailure> {
  const failure = await asked.catch((error: unknown) => error)
  if (!(failure instanceof RuntimeFailure)) throw new Error(`no failure, but ${failure}`)
  return failure
}

const reason = whyNoEngine()
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`)
  test.skip('needs a Docker engine', () => {})
}
const engine: TestEngine = reason === undefined ? startEngine() : (undefined as never)
const docker = (): Docker => new Docker({ socketPath: engine.socketPath })

function testDocker(name: string, body: () => Promise<void>): void {
  if (reason === undefined) test(name, body)
}

test.after(() => {
  if (reason === undefined) engine.down()
})

testDocker(
  'runs a container to its end, and has its code and its logs',
  withAgent(async ({ runtime, told }) => {
    assert.is(await runtime.available(), true)
    const args = ['sh', '-c', 'echo out; echo err >&2; exit 7']
    const { pid, containerId } = await runtime.start(containerStart({ allocation: 'a', args }))
    assert.match(containerId!, /^[0-9a-f]{64}$/)
    assert.ok(pid === null || pid > 0)
    assert.equal(await exitOf(told, main('a')), { exitCode: 7, reason: 'exited with 7' })
    assert.is(await readAll(runtime, main('a'), { stream: 'stdout' }), 'out\n')
    assert.is(await readAll(runtime, main('a'), { stream: 'stderr' }), 'err\n')
    const both = await readAll(runtime, main('a'), { stream: 'both', follow: true })
    assert.equal(both.trim().split('\n').sort(), ['err', 'out'])
  }),
)

testDocker(
  'tells the end of a container that is over before its start is answered',
  withAgent(async ({ runtime, told }) => {
    for (const i of [1, 2, 3]) {
      await runtime.start(containerStart({ allocation: `a${i}`, args: ['true'] }))
      assert.equal(await exitOf(told, main(`a${i}`)), { exitCode: 0, reason: 'exited with 0' })
    }
    assert.is(told.length, 3)
  }),
)

testDocker(
  'gives arguments and environment, and says by labels what it is',
  withAgent(async ({ runtime, told }) => {
    const args = ['sh', '-c', 'echo "$1 $COLOUR $(id -u)"', 'x', '$COLOUR']
    const env = { COLOUR: 'blue' }
    const ports = { http: 20_001 }
    const wishes = { allocation: 'a', args, env, ports, docker: { user: '65534' } }
    const { containerId } = await runtime.start(containerStart(wishes))
    await exitOf(told, main('a'))
    assert.is(await readAll(runtime, main('a')), 'blue blue 65534\n')
    const { Name, Config, HostConfig } = await docker().getContainer(containerId!).inspect()
    assert.is(Name, '/starling-a-main')
    assert.is(Config.Labels['starling.allocation'], 'a')
    assert.equal(
      [HostConfig.Privileged, HostConfig.CapAdd, HostConfig.RestartPolicy?.Name],
      [false, null, 'no'],
    )
    assert.equal((await runtime.observe())[0]?.ports, ports)
  }),
)

testDocker(
  'stops with SIGTERM, and kills after the grace',
  withAgent(async ({ runtime, told }) => {
    const polite = 'trap "exit 3" TERM; echo up; while :; do sleep 0.05; done'
    await runtime.start(containerStart({ allocation: 'a', args: ['sh', '-c', polite] }))
    await until(async () => (await readAll(runtime, main('a'))) === 'up\n', 'the task')
    const exit = { exitCode: 3, reason: 'exited with 3' }
    assert.equal(await runtime.stop(main('a'), 30_000), exit)
    assert.equal(told, [{ ref: main('a'), exit }])
    assert.equal(await runtime.stop(main('a'), 30_000), exit, 'a second stop')

    const rude = 'trap "" TERM; echo up; while :; do sleep 0.05; done'
    await runtime.start(containerStart({ allocation: 'b', args: ['sh', '-c', rude] }))
    await until(async () => (await readAll(runtime, main('b'))) === 'up\n', 'the task')
    const killed = { exitCode: 137, reason: 'killed by signal 9' }
    assert.equal(await runtime.stop(main('b'), 1000), killed)
    assert.is(told.length, 2)
    assert.is((await runtime.stop(main('never'), 0)).reason, 'was not running')
  }),
)

testDocker(
  'stops with the signal that the task asks for, and works where it asks to',
  withAgent(async ({ runtime }) => {
    const script = 'trap "exit 4" QUIT; trap "" TERM; pwd; while :; do sleep 0.05; done'
    const task = { stopSignal: 'SIGQUIT' }
    const docker = { directory: '/tmp' }
    const args = ['sh', '-c', script]
    await runtime.start(containerStart({ allocation: 'a', args, task, docker }))
    await until(async () => (await readAll(runtime, main('a'))) === '/tmp\n', 'the task')
    const exit = { exitCode: 4, reason: 'exited with 4' }
    assert.equal(await runtime.stop(main('a'), 30_000), exit)
  }),
)

testDocker(
  'a node that leaves takes what has ended along, and nothing of others',
  withAgent(async ({ runtime, told }) => {
    const { Id: foreign } = await docker()
      .createContainer({ Image: image, Cmd: ['true'] })
      .then((made) => made.inspect())
    await runtime.start(containerStart({ allocation: 'ended', args: ['true'] }))
    await exitOf(told, main('ended'))
    const going = { allocation: 'going', args: ['sleep', '1000'] }
    const { containerId } = await runtime.start(containerStart(going))
    await runtime.leave()
    const left = await docker().listContainers({ all: true })
    assert.equal(left.map(({ Id }) => Id).sort(), [foreign, containerId!].sort())
    await docker().getContainer(foreign).remove()
  }),
)

testDocker(
  'ends a program that has no handler for SIGTERM',
  withAgent(async ({ runtime }) => {
    await runtime.start(containerStart({ allocation: 'a', args: ['sleep', '1000'] }))
    const exit = { exitCode: 143, reason: 'killed by signal 15' }
    assert.equal(await runtime.stop(main('a'), 30_000), exit)
  }),
)

testDocker(
  'starts again in the same container, with its logs going on',
  withAgent(async ({ runtime, told }) => {
    const start = containerStart({ allocation: 'a', args: ['sh', '-c', 'echo run; exit 1'] })
    const ids = new Set<string | null>()
    for (const time of [1, 2, 3]) {
      ids.add((await runtime.start(start)).containerId)
      await until(() => told.length === time, `exit ${time}`)
    }
    assert.is(ids.size, 1)
    assert.is(await readAll(runtime, main('a')), 'run\nrun\nrun\n')
    assert.is(await readAll(runtime, main('a'), { tail: 2 }), 'run\nrun\n')
  }),
)

testDocker(
  'kills a container that takes more memory than it asked for',
  withAgent(async ({ runtime, told }) => {
    const task = { resources: { memory: 16 } }
    await runtime.start(containerStart({ allocation: 'a', args: ['tail', '/dev/zero'], task }))
    const why = 'killed: out of memory (16 MiB)'
    assert.equal(await exitOf(told, main('a')), { exitCode: 137, reason: why })
  }),
)

testDocker(
  'runs commands inside, and measures',
  withAgent(async ({ runtime, told }) => {
    const args = ['sh', '-c', 'while :; do :; done']
    await runtime.start(containerStart({ allocation: 'a', args }))
    const both = ['sh', '-c', 'echo in; echo er >&2; exit 3']
    const { exitCode, output } = await runtime.exec(main('a'), both, 10_000)
    assert.equal([exitCode, ...output.trim().split('\n').sort()], [3, 'er', 'in'])
    const late = await runtime.exec(main('a'), ['sh', '-c', 'echo x; sleep 1000'], 3000)
    assert.equal(late, { exitCode: null, output: 'x\nno end within 3000 ms' })
    assert.ok((await runtime.stats(main('a')))!.cpu > 50)
    assert.is(await runtime.stats(main('b')), undefined)
    assert.is((await failureOf(runtime.exec(main('b'), ['true'], 100))).code, 'not-running')
    assert.equal(told, [])
  }),
)

testDocker(
  'follows logs to the end of the task, and to the signal',
  withAgent(async ({ runtime }) => {
    await runtime.start(containerStart({ allocation: 'a', args: ['sh', '-c', untilTold] }))
    const following = readAll(runtime, main('a'), { follow: true })
    const abort = new AbortController()
    const options: LogOptions = {
      stream: 'both',
      follow: true,
      tail: undefined,
      signal: abort.signal,
    }
    let seen = ''
    for await (const bytes of runtime.logs(main('a'), options)) {
      seen += Buffer.from(bytes).toString()
      abort.abort()
    }
    assert.is(seen, 'up\n')
    await runtime.exec(main('a'), ['touch', '/end'], 10_000)
    assert.is(await following, 'up\nend\n')
  }),
)

testDocker(
  'the next agent finds what runs and what ended, and hears the rest',
  withAgent(async (first, another) => {
    const args = ['sh', '-c', untilTold]
    const { containerId, pid } = await first.runtime.start(
      containerStart({ allocation: 'a', args, ports: { http: 20_001 } }),
    )
    await first.runtime.start(containerStart({ allocation: 'b', args: ['false'] }))
    await exitOf(first.told, main('b'))
    await first.runtime.close()
    const { runtime, told } = another()
    const observed = (await runtime.observe()).sort((x, y) =>
      x.allocation < y.allocation ? -1 : 1,
    )
    const expected = { task: 'main', running: true, pid, containerId, exitCode: null }
    assert.equal(observed[0], { ...expected, allocation: 'a', ports: { http: 20_001 } })
    assert.equal([observed[1]?.running, observed[1]?.exitCode], [false, 1])
    assert.is(
      (await runtime.start(containerStart({ allocation: 'a', args }))).containerId,
      containerId,
    )
    await runtime.exec(main('a'), ['touch', '/end'], 10_000)
    assert.equal(await exitOf(told, main('a')), { exitCode: 6, reason: 'exited with 6' })
    assert.is(told.length, 1)
    assert.equal(first.told.length, 1, 'a closed runtime tells nothing')
  }),
)

testDocker(
  'start finds a container that an earlier agent left, without observe',
  withAgent(async (first, another) => {
    const start = containerStart({ allocation: 'a', args: ['sleep', '1000'] })
    const { containerId } = await first.runtime.start(start)
    await first.runtime.close()
    assert.is((await another().runtime.start(start)).containerId, containerId)
  }),
)

testDocker(
  'agents on one engine keep their hands off each other’s',
  withAgent(async ({ runtime }) => {
    const start = containerStart({ allocation: 'a', args: ['sleep', '1000'] })
    await runtime.start(start)
    const other = agentOn(engine, 'another-node')
    assert.equal(await other.runtime.observe(), [])
    assert.is((await other.runtime.stop(main('a'), 0)).reason, 'was not running')
    await other.runtime.remove('a')
    assert.is((await failureOf(other.runtime.start(start))).code, 'name-taken')
    await other.runtime.close()
    assert.is((await runtime.observe())[0]?.running, true)
  }),
)

testDocker(
  'a container that somebody else removed has ended, and can be started anew',
  withAgent(async ({ runtime, told }) => {
    const start = containerStart({ allocation: 'a', args: ['sleep', '1000'] })
    const { containerId } = await runtime.start(start)
    await docker().getContainer(containerId!).remove({ force: true })
    await exitOf(told, main('a'))
    assert.is.not((await runtime.start(start)).containerId, containerId)
  }),
)

testDocker(
  'a program that the image lacks is told by the code and the log, as its init starts it',
  withAgent(async ({ runtime, told }) => {
    await runtime.start(containerStart({ allocation: 'a', args: ['/no/such'] }))
    assert.equal(await exitOf(told, main('a')), { exitCode: 127, reason: 'exited with 127' })
    assert.match(await readAll(runtime, main('a'), { stream: 'stderr' }), /\/no\/such/)
  }),
)

const refusals: [what: string, docker: object, code: string, text: RegExp][] = [
  ['an image that is not to be pulled', { image: 'no/such:1' }, 'image-missing', /never to pull/],
  [
    'an image that no registry has',
    { image: 'registry.invalid/no/such:1', pull: 'missing' },
    'image-missing',
    /registry.invalid\/no\/such:1 is not on this machine and could not be pulled: .+/,
  ],
  [
    'an image that must be pulled and cannot be',
    { image: 'registry.invalid/no/such:1', pull: 'always' },
    'image-missing',
    /could not be pulled: .+/,
  ],
  [
    'a folder that is not there',
    { mounts: [{ source: '/no/such/folder', target: '/x' }] },
    'create-failed',
    /\/no\/such\/folder/,
  ],
]
for (const [what, wishes, code, text] of refusals)
  testDocker(
    `refuses ${what}`,
    withAgent(async ({ runtime, told }) => {
      const start = containerStart({ allocation: 'a', args: ['true'], docker: wishes })
      const failure = await failureOf(runtime.start(start))
      assert.is(failure.code, code, failure.message)
      assert.match(failure.message, text)
      assert.is(failure.definite, true)
      assert.equal([await runtime.observe(), told], [[], []])
      await runtime.remove('a')
    }),
  )

testDocker(
  'a stop does not wait for an image that takes its time',
  withAgent(async ({ runtime, told }) => {
    const connections = new Set<Socket>()
    const registry = createServer((socket) => {
      connections.add(socket)
      socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
    const { port } = registry.address() as AddressInfo
    const slow = { image: `127.0.0.1:${port}/slow:1`, pull: 'missing' }
    const starting = failureOf(
      runtime.start(containerStart({ allocation: 'a', args: ['true'], docker: slow })),
    )
    await until(() => connections.size > 0, 'the pull')
    assert.is((await runtime.stop(main('a'), 0)).reason, 'was not running')
    const failure = await starting
    assert.equal([failure.code, failure.definite], ['start-cancelled', true])
    assert.equal(told, [])
    registry.close()
    for (const socket of connections) socket.destroy()
  }),
)

testDocker('without an engine all is refused, and nothing breaks', async () => {
  const told: Told[] = []
  const runtime = createDockerRuntime({
    host: 'unix:///no/such/docker.sock',
    nodeId: 'n',
    cluster: 'test',
    onExit: (ref, exit) => told.push({ ref, exit }),
  })
  assert.is(await runtime.available(), false)
  const start = containerStart({ allocation: 'a', args: ['true'], docker: { pull: 'missing' } })
  for (const asked of [runtime.start(start), runtime.observe(), runtime.remove('a')]) {
    const failure = await failureOf(asked)
    assert.equal([failure.code, failure.definite], ['engine-unavailable', true])
  }
  assert.is((await failureOf(runtime.stop(main('a'), 0))).code, 'engine-unavailable')
  assert.is((await failureOf(readAll(runtime, main('a')))).code, 'engine-unavailable')
  await runtime.close()
})

testDocker(
  'an engine dies and returns: its containers go on, and what ended meanwhile is told',
  withAgent(async ({ runtime, told }) => {
    const script = 'trap "exit 5" TERM; echo up; while :; do sleep 0.05; done'
    const args = ['sh', '-c', script]
    const { pid } = await runtime.start(containerStart({ allocation: 'a', args }))
    await runtime.start(containerStart({ allocation: 'b', args: ['sh', '-c', untilTold] }))
    await until(async () => (await readAll(runtime, main('a'))) === 'up\n', 'the task')
    engine.kill()
    assert.is(await runtime.available(), false)
    const failure = await failureOf(runtime.start(containerStart({ allocation: 'c', args })))
    assert.equal([failure.code, failure.definite], ['engine-unavailable', true])
    assert.is((await failureOf(runtime.stop(main('b'), 0))).code, 'engine-unavailable')
    assert.equal(told, [])
    // To its init, which passes it on.
    process.kill(pid!, 'SIGTERM')
    await until(() => !existsSync(`/proc/${pid}/root/bin`), 'the end of the container')

    engine.up()
    assert.equal(await exitOf(told, main('a')), { exitCode: 5, reason: 'exited with 5' })
    assert.is(await runtime.available(), true)
    await runtime.exec(main('b'), ['touch', '/end'], 10_000)
    assert.equal(await exitOf(told, main('b')), { exitCode: 6, reason: 'exited with 6' })
    assert.is(told.length, 2)
  }),
)

testDocker(
  'a container that ends while its engine is away has ended, whether or not the engine returns',
  withAgent(async ({ runtime, told }) => {
    const start = containerStart({ allocation: 'a', args: ['sleep', '1000'] })
    const { pid, containerId } = await runtime.start(start)
    await runtime.start(containerStart({ allocation: 'b', args: ['sleep', '1000'] }))
    engine.kill()
    try {
      assert.is(await runtime.available(), false)
      assert.match(runtime.trouble() ?? '', /the Docker engine does not answer: .*ECONNREFUSED/)
      assert.equal(told, [])
      process.kill(pid!, 'SIGKILL')
      await until(async () => !(await runtime.available()) && told.length === 1, 'its end')
      const exit = { exitCode: null, reason: 'ended while the engine was away' }
      assert.equal(told, [{ ref: main('a'), exit }])
    } finally {
      engine.up()
    }
    assert.is(await runtime.available(), true)
    assert.is(runtime.trouble(), undefined)
    assert.is((await runtime.start(start)).containerId, containerId, 'the same, started again')
    assert.is(told.length, 1)
  }),
)

testDocker('the runtimes of a node as one, with an engine that comes late', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'starling-runtimes-'))
  const left = agentOn(engine, 'late-node')
  await left.runtime.start(containerStart({ allocation: 'old', args: ['sleep', '1000'] }))
  await left.runtime.close()
  engine.kill()
  const { runtime, told } = agentOn(engine, 'late-node')
  const processes = createProcessRuntime({
    dataDir,
    nodeId: `late${process.pid}`,
    onExit: (ref, exit) => told.push({ ref, exit }),
  })
  const found: ObservedTask[] = []
  const kinds: string[][] = []
  const runtimes = new Runtimes({
    runtimes: [processes, runtime],
    dataDir,
    pollIntervalMs: 50,
    onFound: (tasks) => found.push(...tasks),
    onKindsChanged: (now) => kinds.push(now),
  })
  try {
    assert.equal(await runtimes.open(), [])
    assert.equal(runtimes.kinds(), ['process'])
    const env = { COLOUR: 'blue' }
    await runtimes.start(
      processStart({ allocation: 'p', command: ['sh', '-c', 'echo $COLOUR'], env }),
    )
    await exitOf(told, main('p'))
    const inside = containerStart({ allocation: 'c', args: ['sh', '-c', 'echo $COLOUR'], env })
    assert.is((await failureOf(runtimes.start(inside))).code, 'engine-unavailable')
    // Not known to be a container's, as the engine is away: to be removed when it is back.
    await runtimes.remove('old')

    engine.up()
    await until(() => kinds.length > 0, 'the engine')
    assert.equal(kinds, [['process', 'docker']])
    assert.equal(found, [], 'it was to be removed')
    assert.equal(await docker().listContainers({ all: true }), [])
    await runtimes.start(inside)
    await exitOf(told, main('c'))
    const logsOf = async (allocation: string): Promise<string> => {
      const { signal } = new AbortController()
      let text = ''
      const options: LogOptions = { stream: 'stdout', follow: false, tail: undefined, signal }
      for await (const bytes of runtimes.logs(main(allocation), options)) text += Buffer.from(bytes)
      return text
    }
    assert.is(await logsOf('p'), 'blue\n')
    assert.is(await logsOf('c'), 'blue\n')
    assert.throws(() => runtimes.logs(main('x'), {} as LogOptions), /is not on this node/)
    assert.is((await runtimes.stop(main('x'), 0)).reason, 'was not running')
    for (const allocation of ['p', 'c']) await runtimes.remove(allocation)
    assert.equal(await docker().listContainers({ all: true }), [])
  } finally {
    await runtimes.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})

testDocker('publishes a port on a bridge, in a network of its own', async () => {
  const isolated = startEngine({ isolated: true })
  const { runtime } = agentOn(isolated, 'bridge-node')
  try {
    const start = containerStart({
      allocation: 'a',
      args: ['httpd', '-f', '-p', '80', '-h', '/www'],
      task: { ports: [{ name: 'http', container: 80 }] },
      ports: { http: 20_080 },
    })
    await runtime.start(start)
    const get = (): string => {
      const curl = ['curl', '-s', '--max-time', '2', 'http://127.0.0.1:20080/']
      const args = [`--net=/run/netns/${isolated.namespace}`, ...curl]
      return spawnSync('nsenter', args, { encoding: 'utf8' }).stdout
    }
    await until(() => get() === 'hello from a container\n', 'an answer')
    const taken = await failureOf(runtime.start({ ...start, allocation: 'b' }))
    assert.equal([taken.code, taken.definite], ['start-failed', true])
    assert.match(taken.message, /20080/)
    for (const allocation of ['a', 'b']) await runtime.remove(allocation)
  } finally {
    await runtime.close()
    isolated.down()
  }
})

test.run()
