import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { taskEnvironment } from '../../../node/runtime/environment.ts'
import { MachineUse, machineCapacity } from '../../../node/runtime/machine.ts'
import { Runtimes } from '../../../node/runtime/runtimes.ts'
import { exitOf, main, processStart, taskSpec, until, withProcesses } from './fixture.ts'

const test = suite('runtimes')

test(
  'runs processes with the environment of their task, and knows them after a restart',
  withProcesses(async (bed) => {
    const open = (): Runtimes =>
      new Runtimes({
        runtimes: [bed.runtime],
        dataDir: bed.dataDir,
      })
    const runtimes = open()
    assert.equal(await runtimes.open(), [])
    assert.equal(runtimes.kinds(), ['process'])
    const script =
      'echo "$STARLING_JOB $STARLING_SLOT $STARLING_NODE $PORT_WEB" >seen; exec sleep 1000'
    const { spec } = processStart({ allocation: 'a', command: ['sh', '-c', script] })
    const of = { allocation: 'a', job: 'shop', slot: 3, ports: { web: 20_001 } }
    const env = taskEnvironment({ ...of, task: spec, node: 'n1', host: '10.0.0.1' })
    const { pid } = await runtimes.start({ ...of, task: spec.name, spec, env })
    const seen = join(bed.dataDir, 'allocations/a/main/work/seen')
    const read = (): string => {
      try {
        return readFileSync(seen, 'utf8')
      } catch {
        return ''
      }
    }
    await until(() => read() === 'shop 3 n1 20001\n', 'the environment')
    await bed.reopen()
    const next = open()
    const [observed] = await next.open()
    assert.equal([observed?.pid, observed?.running], [pid, true])
    assert.is((await next.stats(main('a')))?.memory !== undefined, true)
    assert.is((await next.exec(main('a'), ['true'], 10_000)).exitCode, 0)
    assert.is((await next.stop(main('a'), 10_000)).exitCode, 143)
    await exitOf(bed.told, main('a'))
    await next.remove('a')
    await next.remove('a')
    await next.close()
    await runtimes.close()
  }),
)

test(
  'refuses what it has no runtime for',
  withProcesses(async (bed) => {
    const runtimes = new Runtimes({ runtimes: [bed.runtime], dataDir: bed.dataDir })
    await runtimes.open()
    const spec = taskSpec({ docker: { image: 'x' } })
    const start = { allocation: 'a', task: 'main', job: 'j', slot: 0, spec, ports: {}, env: {} }
    const starting = runtimes.start(start)
    const failure = await starting.catch((error) => error)
    assert.equal([failure.code, failure.definite], ['runtime-missing', true])
    await runtimes.close()
  }),
)

test('capacity of this machine', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-capacity-'))
  try {
    const capacity = await machineCapacity(folder)
    assert.is(capacity.cpu, availableParallelism() * 1000)
    assert.ok(capacity.memory > 0 && capacity.memory < totalmem() / 1024 / 1024)
    assert.ok(capacity.disk > 0 && Number.isInteger(capacity.disk))
    assert.ok(capacity.gpu >= 0)
    const wished = await machineCapacity(folder, { cpu: 500, memory: 128 })
    assert.equal([wished.cpu, wished.memory], [500, 128])
    const use = await new MachineUse(folder).measure()
    assert.ok(use.cpu >= 0 && use.cpu <= availableParallelism() * 1000)
    assert.ok(use.memory > 0 && use.disk > 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
