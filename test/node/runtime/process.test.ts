import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RuntimeFailure } from '../../../node/runtime/runtime.ts'
import {
  exitOf,
  main,
  numberIn,
  processStart,
  readAll,
  runs,
  testProcesses,
  until,
  withProcesses,
  workOf,
} from './fixture.ts'

const test = suite('process')

const probe = testProcesses()
const { limits } = probe.runtime.describe()
await probe.clean()
if (limits === 'none') console.info('skipped: no control groups may be written here')

const endings: [what: string, script: string, exitCode: number, reason: string][] = [
  ['success', 'exit 0', 0, 'exited with 0'],
  ['a code', 'exit 7', 7, 'exited with 7'],
  ['the largest code', 'exit 255', 255, 'exited with 255'],
  ['a signal', 'kill -9 $$', 137, 'killed by signal 9'],
  ['a signal of its group', 'kill -TERM 0; sleep 60', 143, 'killed by signal 15'],
  ['a crash', 'kill -SEGV $$', 139, 'killed by signal 11'],
]
for (const [what, script, exitCode, reason] of endings)
  test(
    `ends with ${what}`,
    withProcesses(async ({ runtime, told }) => {
      await runtime.start(processStart({ allocation: 'a', command: ['sh', '-c', script] }))
      assert.equal(await exitOf(told, main('a')), { exitCode, reason })
      assert.is(told.length, 1)
    }),
  )

test(
  'tells the pid of the command itself, and takes its death for what it is',
  withProcesses(async ({ runtime, told }) => {
    const start = processStart({ allocation: 'a', command: ['sleep', '1000'] })
    const { pid, containerId } = await runtime.start(start)
    await until(
      () => readFileSync(`/proc/${pid}/cmdline`, 'latin1') === 'sleep\x001000\x00',
      'the command',
    )
    assert.is(containerId, null)
    assert.equal(await runtime.start(start), { pid, containerId: null }, 'a second start finds it')
    process.kill(pid!, 'SIGKILL')
    assert.equal(await exitOf(told, main('a')), { exitCode: 137, reason: 'killed by signal 9' })
  }),
)

test(
  'begins with default signals and without foreign files',
  withProcesses(async ({ runtime, told }) => {
    const command = ['sh', '-c', 'grep -E "Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd']
    await runtime.start(processStart({ allocation: 'a', command }))
    await exitOf(told, main('a'))
    const [blocked, ignored, ...files] = (await readAll(runtime, main('a'))).trim().split(/\n/)
    assert.match(`${blocked} ${ignored}`, /^SigBlk:\t0+ SigIgn:\t0+$/)
    // 3 is the folder that ls reads: were anything left open, it would be a later one.
    assert.ok(files.includes('3') && !files.includes('4'), files.join())
  }),
)

test(
  'stops with SIGTERM, which the task may answer in its own way',
  withProcesses(async ({ runtime, told }) => {
    const command = [
      'sh',
      '-c',
      'trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done',
    ]
    await runtime.start(processStart({ allocation: 'a', command }))
    await until(async () => (await readAll(runtime, main('a'))) === 'up\n', 'the task')
    const exit = { exitCode: 3, reason: 'exited with 3' }
    assert.equal(await runtime.stop(main('a'), 20_000), exit)
    assert.equal(told, [{ ref: main('a'), exit }])
    assert.is(await readAll(runtime, main('a')), 'up\nbye\n')
    assert.equal(await runtime.stop(main('a'), 20_000), exit, 'a second stop')
  }),
)

test(
  'stops with the signal that the task asks for',
  withProcesses(async (bed) => {
    const script = 'trap "exit 4" QUIT; trap "" TERM; echo up; while :; do sleep 0.05; done'
    for (const allocation of ['own', 'adopted']) {
      const task = { stopSignal: 'SIGQUIT' }
      await bed.runtime.start(processStart({ allocation, command: ['sh', '-c', script], task }))
      await until(async () => (await readAll(bed.runtime, main(allocation))) === 'up\n', 'the task')
      if (allocation === 'adopted') await bed.reopen()
      const exit = await bed.runtime.stop(main(allocation), 20_000)
      assert.equal(exit, { exitCode: 4, reason: 'exited with 4' })
    }
  }),
)

test(
  'kills what does not end within the grace',
  withProcesses(async (bed) => {
    const command = ['sh', '-c', 'trap "" TERM; echo $$ >self; while :; do sleep 0.05; done']
    await bed.runtime.start(processStart({ allocation: 'a', command }))
    const pid = await numberIn(workOf(bed, 'a', 'self'))
    const startedAt = performance.now()
    const exit = await bed.runtime.stop(main('a'), 300)
    assert.equal(exit, { exitCode: 137, reason: 'killed by signal 9' })
    assert.ok(performance.now() - startedAt >= 290)
    assert.not.ok(runs(pid))
  }),
)

test(
  'lets a child of the task use the grace, though its parent has ended',
  withProcesses(async (bed) => {
    const child =
      'trap "sleep 0.3; echo tidy >tidy; exit" TERM; echo 1 >up; while :; do sleep 0.05; done'
    const command = ['sh', '-c', `sh -c '${child}' & wait`]
    await bed.runtime.start(processStart({ allocation: 'a', command }))
    await numberIn(workOf(bed, 'a', 'up'))
    assert.is((await bed.runtime.stop(main('a'), 20_000)).exitCode, 143)
    assert.is(readFileSync(workOf(bed, 'a', 'tidy'), 'utf8'), 'tidy\n')
  }),
)

for (const mode of ['auto', 'none'] as const) {
  const where = mode === 'auto' ? limits : 'none'
  test(
    `leaves nothing of a stopped task, whatever its group and session (${where})`,
    withProcesses(
      async (bed) => {
        const script =
          'setsid sh -c "echo \\$\\$ >session; trap \\"\\" TERM; while :; do sleep 0.1; done" & ' +
          'sh -c "echo \\$\\$ >child; exec sleep 1000" & echo $$ >self; wait'
        await bed.runtime.start(processStart({ allocation: 'a', command: ['sh', '-c', script] }))
        const files = ['self', 'child', 'session'].map((file) => workOf(bed, 'a', file))
        const pids = await Promise.all(files.map(numberIn))
        assert.ok(pids.every(runs))
        await bed.runtime.stop(main('a'), 300)
        assert.equal(pids.filter(runs), [])
      },
      { limits: mode },
    ),
  )

  test(
    `kills what a task leaves behind when it ends by itself (${where})`,
    withProcesses(
      async (bed) => {
        const command = ['sh', '-c', 'setsid sleep 1000 & echo $! >left; exit 4']
        await bed.runtime.start(processStart({ allocation: 'a', command }))
        const left = await numberIn(workOf(bed, 'a', 'left'))
        assert.is((await exitOf(bed.told, main('a'))).exitCode, 4)
        assert.not.ok(runs(left))
      },
      { limits: mode },
    ),
  )
}

test(
  'kills the command when its wrapper is killed',
  withProcesses(async ({ runtime, told }) => {
    const start = processStart({ allocation: 'a', command: ['sleep', '1000'] })
    const { pid } = await runtime.start(start)
    const wrapper = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    process.kill(wrapper, 'SIGKILL')
    assert.equal(await exitOf(told, main('a')), { exitCode: 137, reason: 'killed by signal 9' })
    assert.not.ok(runs(pid!))
  }),
)

test(
  'may be started again after its end, with its logs going on',
  withProcesses(async ({ runtime, told }) => {
    const start = processStart({ allocation: 'a', command: ['sh', '-c', 'echo run; exit 1'] })
    for (const time of [1, 2, 3]) {
      await runtime.start(start)
      await until(() => told.length === time, `exit ${time}`)
    }
    assert.is(await readAll(runtime, main('a')), 'run\nrun\nrun\n')
    const [observed] = await runtime.observe()
    assert.equal([observed?.running, observed?.exitCode], [false, 1])
  }),
)

test(
  'gives the environment, and fills its names into the arguments without a shell',
  withProcesses(async (bed) => {
    const command = [
      'printf',
      '%s\\n',
      '$PORT_HTTP',
      `$${'{PORT_HTTP}'}/x`,
      '$NOT_SET',
      '$$PORT_HTTP',
      '$',
    ]
    const env = { PORT_HTTP: '20123' }
    await bed.runtime.start(processStart({ allocation: 'a', command, env }))
    await exitOf(bed.told, main('a'))
    const printed = await readAll(bed.runtime, main('a'))
    assert.is(printed, '20123\n20123/x\n$NOT_SET\n$PORT_HTTP\n$\n')

    await bed.runtime.start(processStart({ allocation: 'b', command: ['env'], env }))
    await exitOf(bed.told, main('b'))
    const seen = (await readAll(bed.runtime, main('b'))).split('\n')
    const home = join(bed.dataDir, 'allocations/b/main/work')
    const expected = [
      'PORT_HTTP=20123',
      `HOME=${home}`,
      'STARLING_ALLOCATION=b',
      'STARLING_TASK=main',
    ]
    for (const entry of expected) assert.ok(seen.includes(entry), entry)
    assert.ok(seen.some((entry) => entry.startsWith('PATH=/')))
    assert.not.ok(
      seen.some((entry) => entry.startsWith('npm_')),
      'nothing of the agent itself',
    )
  }),
)

const refusals: [code: string, text: RegExp, wishes: object][] = [
  ['command-missing', /no program no-such-program in \//, { command: ['no-such-program'] }],
  ['command-missing', /no program \.\/nothing$/, { command: ['./nothing'] }],
  ['not-executable', /\/etc\/passwd is not executable/, { command: ['/etc/passwd'] }],
  ['command-missing', /no program \/etc/, { command: ['/etc'] }],
  ['directory-missing', /no directory \/no\/such/, { process: { directory: '/no/such' } }],
  ['user-missing', /no user nobody-at-all/, { process: { user: 'nobody-at-all' } }],
]
for (const [code, text, wishes] of refusals)
  test(
    `refuses: ${code} ${text.source}`,
    withProcesses(async ({ runtime, told }) => {
      const start = processStart({ allocation: 'a', command: ['true'], ...wishes })
      const failure = await runtime.start(start).catch((error) => error)
      assert.instance(failure, RuntimeFailure)
      assert.is(failure.code, code)
      assert.match(failure.message, text)
      assert.is(failure.definite, true)
      assert.equal([await runtime.observe(), told], [[], []])
    }),
  )

test(
  'runs as another user, in a folder of that user',
  withProcesses(async ({ runtime, told }) => {
    if (process.getuid?.() !== 0) return
    const command = ['sh', '-c', 'id -u; id -G; touch mine && exit 5']
    await runtime.start(processStart({ allocation: 'a', command, process: { user: '65534' } }))
    assert.is((await exitOf(told, main('a'))).exitCode, 5)
    assert.is(await readAll(runtime, main('a')), '65534\n65534\n')
  }),
)

test(
  'kills a task that takes more memory than it asked for',
  withProcesses(async ({ runtime, told }) => {
    if (limits === 'none') return
    const task = { resources: { memory: 16 } }
    await runtime.start(processStart({ allocation: 'a', command: ['tail', '/dev/zero'], task }))
    const reason = 'killed: out of memory (16 MiB)'
    assert.equal(await exitOf(told, main('a')), { exitCode: 137, reason })
    // The count is of one life, not of its group's name.
    await runtime.start(processStart({ allocation: 'a', command: ['false'], task }))
    await until(() => told.length === 2, 'the second exit')
    assert.equal(told[1]?.exit, { exitCode: 1, reason: 'exited with 1' })
  }),
)

test(
  'measures what a task uses',
  withProcesses(async ({ runtime }) => {
    const command = ['sh', '-c', 'while :; do :; done']
    await runtime.start(processStart({ allocation: 'a', command }))
    await until(async () => (await runtime.stats(main('a')))!.cpu > 50, 'some use of CPU')
    assert.is(await runtime.stats(main('b')), undefined)
  }),
)

test(
  'measures also without control groups',
  withProcesses(
    async ({ runtime }) => {
      const command = ['sh', '-c', 'while :; do :; done']
      await runtime.start(processStart({ allocation: 'a', command }))
      await until(async () => (await runtime.stats(main('a')))!.cpu > 50, 'some use of CPU')
      assert.is(runtime.describe().limits, 'none')
    },
    { limits: 'none' },
  ),
)

test(
  'runs commands beside the task',
  withProcesses(async ({ runtime }) => {
    const env = { COLOUR: 'blue' }
    await runtime.start(processStart({ allocation: 'a', command: ['sleep', '1000'], env }))
    const run = (script: string, timeoutMs = 10_000) =>
      runtime.exec(main('a'), ['sh', '-c', script], timeoutMs)
    const { exitCode, output } = await run('echo "is $COLOUR"; echo err >&2; exit 3')
    assert.equal([exitCode, ...output.trim().split('\n').sort()], [3, 'err', 'is blue'])
    const late = await run('echo $$; sleep 1000', 2000)
    assert.is(late.exitCode, null)
    assert.match(late.output, /^\d+\nno end within 2000 ms$/)
    await until(() => !runs(Number.parseInt(late.output, 10)), 'its end')
    const much = await run('head -c 1000000 /dev/zero')
    assert.equal([much.exitCode, much.output.length], [0, 65_536])
    const failure = await runtime.exec(main('b'), ['true'], 100).catch((error) => error)
    assert.is(failure.code, 'not-running')
  }),
)

test(
  'removes what an allocation leaves behind, and more than once',
  withProcesses(async (bed) => {
    const { pid } = await bed.runtime.start(
      processStart({ allocation: 'a', command: ['sleep', '1000'] }),
    )
    await bed.runtime.remove('a')
    assert.not.ok(runs(pid!))
    assert.not.ok(existsSync(join(bed.dataDir, 'allocations', 'a')))
    assert.equal(await bed.runtime.observe(), [])
    await bed.runtime.remove('a')
    await bed.runtime.remove('never-there')
  }),
)

test(
  'refuses names that lead out of its folder',
  withProcesses(async ({ runtime }) => {
    const start = processStart({ allocation: '../up', command: ['true'] })
    assert.is((await runtime.start(start).catch((error) => error)).code, 'name-refused')
    assert.is((await runtime.remove('..').catch((error) => error)).code, 'name-refused')
  }),
)

test(
  'stopping what is not there is no failure',
  withProcesses(async ({ runtime, told }) => {
    assert.equal(await runtime.stop(main('a'), 100), {
      exitCode: null,
      reason: 'was not running',
    })
    assert.equal(told, [])
  }),
)

test(
  'starts fifty at once, and stops them',
  withProcesses(async ({ runtime, told }) => {
    const names = Array.from({ length: 50 }, (_, i) => `a${i}`)
    const started = await Promise.all(
      names.map((allocation) =>
        runtime.start(processStart({ allocation, command: ['sleep', '1000'] })),
      ),
    )
    assert.is(new Set(started.map(({ pid }) => pid)).size, 50)
    await Promise.all(names.map((allocation) => runtime.stop(main(allocation), 20_000)))
    assert.is(told.length, 50)
    assert.ok(told.every(({ exit }) => exit.exitCode === 143))
  }),
)

test.run()
