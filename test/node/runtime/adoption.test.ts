/** The agent dies, its tasks live on, and the next agent knows what became of each. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createProcessRuntime, type ProcessRuntime } from '../../../node/runtime/process.ts'
import type { AgentWishes } from './agent-process.ts'
import { exitOf, main, readAll, runs, type StartWishes, type Told, until } from './fixture.ts'

const test = suite('adoption')
const agentFile = new URL('./agent-process.ts', import.meta.url).pathname

interface Bed {
  readonly dataDir: string
  readonly told: Told[]
  /** Starts the tasks in an agent of its own; resolves with their pids. */
  run(tasks: StartWishes[]): Promise<number[]>
  killAgent(): Promise<void>
  /** The next agent, in this process. */
  adopt(): ProcessRuntime
}

let beds = 0

function withBed(body: (bed: Bed) => Promise<void>, limits: 'auto' | 'none' = 'auto') {
  return async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'starling-adopt-'))
    const nodeId = `adopt${process.pid}${beds++}`
    const told: Told[] = []
    const runtimes: ProcessRuntime[] = []
    let agent: ChildProcess | undefined
    const bed: Bed = {
      dataDir,
      told,
      async run(tasks) {
        const wishes: AgentWishes = { dataDir, nodeId, limits, tasks }
        agent = spawn(process.execPath, ['--no-warnings', agentFile, JSON.stringify(wishes)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const [line] = (await once(agent.stdout!, 'data')) as [Buffer]
        return JSON.parse(line.toString()) as number[]
      },
      async killAgent() {
        agent?.kill('SIGKILL')
        if (agent && agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit')
      },
      adopt() {
        const onExit = (ref: Told['ref'], exit: Told['exit']) => void told.push({ ref, exit })
        const runtime = createProcessRuntime({ dataDir, nodeId, limits, onExit })
        runtimes.push(runtime)
        return runtime
      },
    }
    try {
      await body(bed)
    } finally {
      await bed.killAgent()
      const last = bed.adopt()
      for (const { allocation } of await last.observe()) await last.remove(allocation)
      for (const runtime of runtimes) await runtime.close()
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

/** Lives until it is told to end with 6, by a file. */
const untilTold = ['sh', '-c', 'echo up; until [ -e end ]; do sleep 0.02; done; echo end; exit 6']

function tellToEnd(bed: Bed, allocation: string): void {
  writeFileSync(join(bed.dataDir, 'allocations', allocation, 'main', 'work', 'end'), '')
}

test(
  'a task outlives its agent, is found by the next, and its exit is told',
  withBed(async (bed) => {
    const [pid] = await bed.run([{ allocation: 'a', command: untilTold, ports: { http: 20_007 } }])
    await bed.killAgent()
    assert.ok(runs(pid!))
    const runtime = bed.adopt()
    assert.equal(await runtime.observe(), [
      {
        allocation: 'a',
        task: 'main',
        running: true,
        pid,
        containerId: null,
        ports: { http: 20_007 },
        exitCode: null,
      },
    ])
    tellToEnd(bed, 'a')
    assert.equal(await exitOf(bed.told, main('a')), { exitCode: 6, reason: 'exited with 6' })
    assert.is(await readAll(runtime, main('a')), 'up\nend\n')
    assert.is(bed.told.length, 1)
  }),
)

test(
  'the exit code is learned though no agent lived when the task ended',
  withBed(async (bed) => {
    const [pid] = await bed.run([{ allocation: 'a', command: untilTold }])
    await bed.killAgent()
    tellToEnd(bed, 'a')
    await until(() => !runs(pid!), 'the end of the task')
    const [observed] = await bed.adopt().observe()
    assert.equal([observed?.running, observed?.exitCode, observed?.pid], [false, 6, null])
    assert.equal(bed.told, [], 'what was found ended is observed, not told')
  }),
)

for (const limits of ['auto', 'none'] as const)
  test(
    `an adopted task is stopped as a whole (limits: ${limits})`,
    withBed(async (bed) => {
      const script = 'trap "" TERM; setsid sleep 1000 & while :; do sleep 0.05; done'
      const [pid] = await bed.run([{ allocation: 'a', command: ['sh', '-c', script] }])
      const childOf = (): number =>
        Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0])
      await until(() => childOf() > 0, 'a child')
      const child = childOf()
      await bed.killAgent()
      const runtime = bed.adopt()
      await runtime.observe()
      const exit = { exitCode: 137, reason: 'killed by signal 9' }
      assert.equal(await runtime.stop(main('a'), 200), exit)
      assert.equal([pid!, child].filter(runs), [])
      assert.equal(bed.told, [{ ref: main('a'), exit }])
    }, limits),
  )

test(
  'an adopted task whose wrapper is killed too has ended',
  withBed(async (bed) => {
    const [pid] = await bed.run([{ allocation: 'a', command: ['sleep', '1000'] }])
    await bed.killAgent()
    await bed.adopt().observe()
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    process.kill(Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]), 'SIGKILL')
    assert.is((await exitOf(bed.told, main('a'))).exitCode, null)
    assert.not.ok(runs(pid!))
  }),
)

test(
  'what a wrapper killed while no agent lived has left is killed',
  withBed(async (bed) => {
    const [pid] = await bed.run([{ allocation: 'a', command: ['sleep', '1000'] }])
    await bed.killAgent()
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const wrapper = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1])
    process.kill(wrapper, 'SIGKILL')
    await until(() => !runs(wrapper), 'the end of the wrapper')
    const [observed] = await bed.adopt().observe()
    assert.equal([observed?.running, observed?.exitCode], [false, null])
    assert.not.ok(runs(pid!))
  }),
)

test(
  'start finds a task that an earlier agent left running, without observe',
  withBed(async (bed) => {
    const tasks = [{ allocation: 'a', command: untilTold }]
    const [pid] = await bed.run(tasks)
    await bed.killAgent()
    assert.equal(await bed.run(tasks), [pid])
  }),
)

const disguises: [what: string, change: (record: { [field: string]: unknown }) => void][] = [
  [
    'its pid belongs to another process by now',
    (record) => {
      record.wrapper = { pid: process.pid, startTicks: 1 }
    },
  ],
  [
    'the machine was booted since',
    (record) => {
      record.bootId = 'another boot'
      record.wrapper = { pid: process.pid, startTicks: 1 }
    },
  ],
]
for (const [what, change] of disguises)
  test(
    `a task is not taken over when ${what}`,
    withBed(async (bed) => {
      const [pid] = await bed.run([{ allocation: 'a', command: untilTold }])
      await bed.killAgent()
      tellToEnd(bed, 'a')
      await until(() => !runs(pid!), 'the end of the task')
      const folder = join(bed.dataDir, 'allocations/a/main')
      const record = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'))
      change(record)
      writeFileSync(join(folder, 'state.json'), JSON.stringify(record))
      rmSync(join(folder, 'exit'))
      const runtime = bed.adopt()
      const [observed] = await runtime.observe()
      assert.equal([observed?.running, observed?.exitCode], [false, null])
      const reason = 'ended while no agent was watching'
      assert.equal(await runtime.stop(main('a'), 100), { exitCode: null, reason })
      assert.ok(runs(process.pid), 'we are not that task')
    }),
  )

test(
  'a torn state file is a task that never ran',
  withBed(async (bed) => {
    const [pid] = await bed.run([{ allocation: 'a', command: ['true'] }])
    await bed.killAgent()
    await until(() => !runs(pid!), 'the end of the task')
    writeFileSync(join(bed.dataDir, 'allocations/a/main/state.json'), '{"format":1,"boo')
    assert.equal(await bed.adopt().observe(), [])
  }),
)

test.run()
