import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Exec, runCheck } from '../../../node/runtime/check.ts'
import {
  CheckMonitor,
  type CheckMonitorOptions,
  type CheckTurn,
  freshTally,
  tally,
} from '../../../node/runtime/health.ts'
import { RuntimeFailure } from '../../../node/runtime/runtime.ts'
import { type CheckSpec, durationMs } from '../../../protocol/placement/job.ts'
import { main, processStart, taskSpec, until, withProcesses } from './fixture.ts'

const test = suite('health')

const noExec: Exec = () => Promise.reject(new Error('there is nothing to run it in'))

function checkSpec(check: object): CheckSpec {
  const spec = taskSpec({
    process: { command: ['x'] },
    ports: [{ name: 'http' }],
    checks: [{ port: 'http', ...check }],
  })
  return spec.checks[0]!
}

async function withServer(server: Server, body: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await body((server.address() as AddressInfo).port)
    await until(() => sockets.size === 0, 'the end of every connection')
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

const answers: [what: string, listener: RequestListener, passing: boolean, output: RegExp][] = [
  ['200', (_, response) => response.end('fine'), true, /^200 fine$/],
  ['302', (_, response) => response.writeHead(302, { location: '/x' }).end(), true, /^302$/],
  ['404', (_, response) => response.writeHead(404).end('no such'), false, /^404 no such$/],
  ['500', (_, response) => response.writeHead(500).end(), false, /^500$/],
  ['long', (_, response) => response.end('x'.repeat(5_000_000)), true, /^200 x{508}$/],
  ['endless', (_, response) => response.write('x'.repeat(2000)), true, /^200 x{508}$/],
  ['silence', () => {}, false, /^no answer within 200 ms$/],
  ['half an answer', (_, response) => response.write('x'), false, /^no answer within 200 ms$/],
  ['a broken line', (request) => request.socket.destroy(), false, /socket hang up/],
]
for (const [what, listener, passing, output] of answers)
  test(`http: ${what}`, () =>
    withServer(createHttpServer(listener), async (port) => {
      const timeout = output.source.includes('200 ms') ? '200ms' : '20s'
      const spec = checkSpec({ type: 'http', timeout })
      const target = { ref: main('a'), host: '127.0.0.1', port }
      const result = (await runCheck(spec, target, noExec))!
      assert.is(result.passing, passing, result.output)
      assert.match(result.output, output)
    }))

test('http: asks for the path', () =>
  withServer(
    createHttpServer((request, response) => response.end(request.url)),
    async (port) => {
      const target = { ref: main('a'), host: '127.0.0.1', port }
      const spec = checkSpec({ type: 'http', path: '/health?deep=1' })
      assert.is((await runCheck(spec, target, noExec))!.output, '200 /health?deep=1')
      const bare = checkSpec({ type: 'http', path: 'health' })
      assert.is((await runCheck(bare, target, noExec))!.output, '200 /health')
    },
  ))

test('tcp: somebody listens, or nobody does', async () => {
  let closed = 0
  await withServer(createServer(), async (port) => {
    closed = port
    const target = { ref: main('a'), host: '127.0.0.1', port }
    assert.is((await runCheck(checkSpec({ type: 'tcp' }), target, noExec))!.passing, true)
  })
  const target = { ref: main('a'), host: '127.0.0.1', port: closed }
  const result = (await runCheck(checkSpec({ type: 'tcp' }), target, noExec))!
  assert.is(result.passing, false)
  assert.match(result.output, /ECONNREFUSED/)
})

test(
  'command: passes with 0, in the surroundings of the task',
  withProcesses(async ({ runtime }) => {
    const env = { COLOUR: 'blue' }
    await runtime.start(processStart({ allocation: 'a', command: ['sleep', '1000'], env }))
    const exec: Exec = (ref, command, timeoutMs) => runtime.exec(ref, command, timeoutMs)
    const run = (...command: string[]) => {
      const spec = checkSpec({ type: 'command', command, timeout: '20s' })
      return runCheck(spec, { ref: main('a'), host: '', port: 0 }, exec)
    }
    assert.equal(await run('sh', '-c', 'test $COLOUR = blue'), {
      passing: true,
      output: 'exited with 0',
    })
    assert.equal(await run('sh', '-c', 'echo no; exit 1'), { passing: false, output: 'no' })
    const missing = (await run('no-such-program'))!
    assert.is(missing.passing, false)
    assert.match(missing.output, /no program no-such-program/)
  }),
)

test('tcp: a proxy without anybody behind it is nobody', () =>
  withServer(
    createServer((socket) => socket.end()),
    async (port) => {
      const target = { ref: main('a'), host: '127.0.0.1', port }
      const result = (await runCheck(checkSpec({ type: 'tcp' }), target, noExec))!
      assert.equal(result.passing, false)
      assert.match(result.output, /closed the connection at once/)
    },
  ))

test('tcp: who greets and hangs up is there', () =>
  withServer(
    createServer((socket) => socket.end('220 hello')),
    async (port) => {
      const target = { ref: main('a'), host: '127.0.0.1', port }
      assert.is((await runCheck(checkSpec({ type: 'tcp' }), target, noExec))!.passing, true)
    },
  ))

test('command: an engine that is away says nothing of what it runs', async () => {
  const exec: Exec = async () => {
    throw new RuntimeFailure('engine-unavailable', 'away', true)
  }
  const spec = checkSpec({ type: 'command', command: ['true'] })
  const target = { ref: main('a'), host: '', port: 0 }
  assert.is(await runCheck(spec, target, exec), undefined)
  let asked = 0
  const counting: Exec = (...args) => {
    asked++
    return exec(...args)
  }
  const { monitor, turns } = watching({ exec: counting })
  const check = { type: 'command', command: ['x'], interval: '100ms', grace: '0s', failures: 1 }
  monitor.watch('a', taskWithChecks('web', check), {})
  await until(() => asked === 4, 'some checks')
  assert.equal(turns, [])
  monitor.close()
})

interface Result {
  passing: boolean
  isInGrace: boolean
}

/** What is told of a row of results, as `+` and `-`. */
function told(results: readonly Result[], failures: number): string {
  let state = freshTally
  let turns = ''
  for (const { passing, isInGrace } of results) {
    const next = tally(state, passing, { failures, isInGrace })
    if (next.passing !== state.passing) turns += next.passing ? '+' : '-'
    state = next
  }
  return turns
}

/** `o` good, `x` bad, upper case while the grace lasts. */
const rows: [results: string, failures: number, turns: string][] = [
  ['o', 3, '+'],
  ['O', 3, '+'],
  ['xx', 3, ''],
  ['xxx', 3, '-'],
  ['xxxxxx', 3, '-'],
  ['XXXXXX', 3, ''],
  ['XXXXxx', 3, ''],
  ['XXXXxxx', 3, '-'],
  ['XXOXXX', 3, '+-'],
  ['oxxoxxo', 3, '+'],
  ['oxxxo', 3, '+-+'],
  ['oxo', 1, '+-+'],
  ['x', 1, '-'],
]
for (const [results, failures, turns] of rows)
  test(`of ${results} with ${failures} failures is told ${turns || 'nothing'}`, () => {
    const row = [...results].map((each) => ({
      passing: each.toLowerCase() === 'o',
      isInGrace: each === each.toUpperCase(),
    }))
    assert.is(told(row, failures), turns)
  })

test('turns alternate, whatever the results', () => {
  const result = fc.record({ passing: fc.boolean(), isInGrace: fc.boolean() })
  fc.assert(
    fc.property(fc.array(result), fc.integer({ min: 1, max: 5 }), (results, failures) => {
      assert.not.match(told(results, failures), /\+\+|--/)
    }),
  )
})

interface Watching {
  readonly monitor: CheckMonitor
  readonly turns: CheckTurn[]
}

function watching(options: Partial<CheckMonitorOptions> = {}): Watching {
  const turns: CheckTurn[] = []
  const onTurn = (turn: CheckTurn): void => void turns.push(turn)
  return { turns, monitor: new CheckMonitor({ exec: noExec, onTurn, ...options }) }
}

function taskWithChecks(name: string, ...checks: object[]) {
  return taskSpec({
    name,
    process: { command: ['x'] },
    ports: [{ name: 'http' }],
    checks: checks.map((check) => ({ port: 'http', ...check })),
  })
}

test('tells the turns of a task that comes up, breaks, and recovers', async () => {
  let status = 200
  const listener: RequestListener = (_, response) => void response.writeHead(status).end()
  await withServer(createHttpServer(listener), async (port) => {
    const { monitor, turns } = watching()
    const check = { type: 'http', interval: '100ms', failures: 2 }
    monitor.watch('a', taskWithChecks('web', { ...check, type: 'tcp' }, check), { http: port })
    await until(() => turns.length === 2, 'both first results')
    assert.equal(turns.map((turn) => [turn.check, turn.passing]).sort(), [
      [0, true],
      [1, true],
    ])
    status = 503
    await until(() => turns.length === 3, 'the failure')
    assert.equal(turns[2], { ...main('a'), task: 'web', check: 1, passing: false, output: '503' })
    status = 200
    await until(() => turns.length === 4, 'the recovery')
    assert.is(turns[3]?.passing, true)
    monitor.close()
  })
})

test('says nothing of failures while the grace lasts, and then does', async () => {
  const { monitor, turns } = watching()
  const spec = taskWithChecks('web', {
    type: 'tcp',
    interval: '100ms',
    grace: '700ms',
    failures: 1,
  })
  const startedAt = performance.now()
  monitor.watch('a', spec, { http: 1 })
  await until(() => turns.length === 1, 'the failure')
  assert.ok(performance.now() - startedAt >= durationMs('700ms'))
  assert.is(turns[0]?.passing, false)
  monitor.close()
})

test('tells nothing more after unwatch, not even what was under way', async () => {
  let asked = 0
  let finish = (): void => undefined
  const exec: Exec = () => {
    asked++
    return new Promise((resolve) => {
      finish = () => resolve({ exitCode: 0, output: '' })
    })
  }
  const { monitor, turns } = watching({ exec })
  monitor.watch('a', taskWithChecks('web', { type: 'command', command: ['x'] }), {})
  await until(() => asked === 1, 'the check')
  monitor.unwatch('a', 'web')
  finish()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(turns, [])
  monitor.unwatch('a', 'web')
  monitor.unwatch('never', 'watched')
})

test('watching again begins anew', async () => {
  const exec: Exec = async () => ({ exitCode: 0, output: '' })
  const { monitor, turns } = watching({ exec })
  const spec = taskWithChecks('web', { type: 'command', command: ['x'], interval: '100ms' })
  monitor.watch('a', spec, {})
  await until(() => turns.length === 1, 'the first')
  monitor.watch('a', spec, {})
  await until(() => turns.length === 2, 'the first of the next life')
  monitor.close()
})

test('runs no more checks at once than it may', async () => {
  let running = 0
  let most = 0
  let runs = 0
  const exec: Exec = async () => {
    most = Math.max(most, ++running)
    runs++
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    return { exitCode: 0, output: '' }
  }
  const { monitor, turns } = watching({ exec, concurrency: 4 })
  const spec = taskWithChecks('web', { type: 'command', command: ['x'], interval: '100ms' })
  for (let i = 0; i < 50; i++) monitor.watch(`a${i}`, spec, {})
  await until(() => turns.length === 50 && runs >= 100, 'all of them')
  assert.is(most, 4)
  monitor.close()
})

test.run()
