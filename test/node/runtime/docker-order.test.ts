/** The engine's answers and events come on different connections, in whatever order: here, in the worst one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDockerRuntime } from '../../../node/runtime/docker.ts'
import { exitOf, main, type Told, taskSpec, until } from './fixture.ts'

const test = suite('docker order')
const id = 'c'.repeat(64)

/** Of one container. `onInspect` may end it after the answer was made and before it is sent. */
class ScriptedEngine {
  readonly folder = mkdtempSync(join(tmpdir(), 'starling-scripted-'))
  readonly socketPath = join(this.folder, 'docker.sock')
  onInspect: (() => Promise<void>) | undefined
  roundTrip: (() => Promise<unknown>) | undefined
  ending = { ExitCode: 0, OOMKilled: false }
  #isRunning = false
  #labels: object = {}
  #events: ServerResponse | undefined
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.socketPath, resolve))
  }

  down(): void {
    this.#server.closeAllConnections()
    this.#server.close()
    rmSync(this.folder, { recursive: true })
  }

  /** Resolves when the event is on its way. */
  async end(): Promise<void> {
    this.#isRunning = false
    await until(() => this.#events !== undefined, 'somebody who listens')
    const Actor = { ID: id, Attributes: this.#labels }
    await new Promise((resolve) => this.#events!.write(`${JSON.stringify({ Actor })}\n`, resolve))
    // What is asked after the event is answered after it was heard.
    await this.roundTrip?.()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '' } = request
    let body = ''
    for await (const chunk of request) body += chunk
    const say = (status: number, answer: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    if (url.includes('/events')) {
      this.#events = response
      response.writeHead(200).flushHeaders()
    } else if (method === 'POST' && url.includes('/create')) {
      this.#labels = JSON.parse(body).Labels
      say(201, { Id: id })
    } else if (method === 'POST' && url.endsWith('/start')) {
      this.#isRunning = true
      response.writeHead(204).end()
    } else if (method === 'GET' && url.includes(`/containers/${id}/json`)) {
      const State = { Running: this.#isRunning, Pid: 0, ...this.ending }
      const HostConfig = { Memory: 16 * 2 ** 20 }
      const answer = { Id: id, State, Config: { Labels: this.#labels }, HostConfig }
      const { onInspect } = this
      this.onInspect = undefined
      await onInspect?.()
      say(200, answer)
    } else say(200, [])
  }
}

function runtimeOf({ socketPath }: ScriptedEngine, told: Told[]) {
  const onExit: Parameters<typeof createDockerRuntime>[0]['onExit'] = (ref, exit) =>
    told.push({ ref, exit })
  return createDockerRuntime({ socketPath, nodeId: 'n', cluster: 'c', onExit })
}

test('an end that is heard before the start is answered is told', async () => {
  const engine = new ScriptedEngine()
  await engine.up()
  const told: Told[] = []
  const runtime = runtimeOf(engine, told)
  engine.roundTrip = () => runtime.available()
  const spec = taskSpec({ docker: { image: 'x' } })
  const start = { ...main('a'), job: 'job', slot: 0, spec, ports: {}, env: {} }
  try {
    for (const time of [1, 2]) {
      engine.onInspect = () => (time === 1 ? engine.end() : Promise.resolve())
      assert.is((await runtime.start(start)).containerId, id)
      if (time === 2) await engine.end()
      await until(() => told.length === time, `exit ${time}`)
    }
    assert.equal(await exitOf(told, main('a')), { exitCode: 0, reason: 'exited with 0' })
    // The second time it is known, and so is its earlier end.
    engine.onInspect = async () => {
      engine.onInspect = () => engine.end()
    }
    await runtime.start(start)
    await until(() => told.length === 3, 'exit 3')
  } finally {
    await runtime.close()
    engine.down()
  }
})

test('the cause of an end may come after the end', async () => {
  const engine = new ScriptedEngine()
  await engine.up()
  const told: Told[] = []
  const runtime = runtimeOf(engine, told)
  const spec = taskSpec({ docker: { image: 'x' } })
  try {
    await runtime.start({ ...main('a'), job: 'job', slot: 0, spec, ports: {}, env: {} })
    engine.ending = { ExitCode: 137, OOMKilled: false }
    engine.onInspect = async () => {
      engine.ending = { ExitCode: 137, OOMKilled: true }
    }
    await engine.end()
    const reason = 'killed: out of memory (16 MiB)'
    assert.equal(await exitOf(told, main('a')), { exitCode: 137, reason })
  } finally {
    await runtime.close()
    engine.down()
  }
})

test.run()
