/**
 * What the disk and the runtimes of this machine take, through the agent's own code: one write after the other,
 * 64 at a time (group commit), process starts and stops, container starts where there is an engine.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDockerRuntime } from '../../node/runtime/docker.ts'
import { createProcessRuntime } from '../../node/runtime/process.ts'
import type { Runtime } from '../../node/runtime/runtime.ts'
import { openJournal } from '../../node/storage/journal.ts'
import { image, startEngine, whyNoEngine } from '../../test/node/runtime/engine.ts'
import { taskSpec } from '../../test/node/runtime/fixture.ts'
import { machine, type Quantiles, quantiles } from './quantile.ts'

const writes = 600
const starts = 100

export async function recordMachine() {
  const on = machine()
  const folder = mkdtempSync(join(tmpdir(), 'starling-calibrate-'))
  try {
    return {
      machine: on,
      fsync: fsyncLoop(folder),
      journal: await journalWrites(join(folder, 'store')),
      process: await processStarts(folder),
      docker: await containerStarts(),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function fsyncLoop(folder: string): Quantiles {
  const file = openSync(join(folder, 'f'), 'a')
  const bytes = Buffer.alloc(512, 1)
  const took: number[] = []
  for (let i = 0; i < writes; i++) {
    const startedAt = performance.now()
    writeSync(file, bytes)
    fsyncSync(file)
    took.push((performance.now() - startedAt) * 1000)
  }
  closeSync(file)
  return quantiles(took)
}

async function journalWrites(folder: string) {
  const journal = await openJournal(folder)
  const value = { text: 'x'.repeat(400) }
  const write = async (i: number) => {
    const startedAt = performance.now()
    await journal.write([{ key: `key-${i}`, value }])
    return (performance.now() - startedAt) * 1000
  }
  const alone: number[] = []
  for (let i = 0; i < writes; i++) alone.push(await write(i))
  const batchesBefore = journal.counters.batches
  const together: number[] = []
  let next = 0
  const writer = async () => {
    while (next < 10 * writes) together.push(await write(writes + next++))
  }
  await Promise.all(Array.from({ length: 64 }, writer))
  const batches = journal.counters.batches - batchesBefore
  await journal.close()
  return {
    alone: quantiles(alone),
    at64: quantiles(together),
    writesPerBatchAt64: Math.round((10 * together.length) / batches) / 10,
  }
}

async function processStarts(dataDir: string) {
  const runtime = createProcessRuntime({
    dataDir,
    nodeId: 'calibrate',
    onExit: () => undefined,
    limits: 'none',
  })
  await runtime.observe()
  return startsOf(runtime, { process: { command: ['sleep', '600'] } })
}

async function containerStarts() {
  const missing = whyNoEngine()
  if (missing !== undefined) return { missing }
  const engine = startEngine()
  try {
    const runtime = createDockerRuntime({
      nodeId: 'calibrate',
      cluster: 'calibrate',
      onExit: () => undefined,
      hostIp: '127.0.0.1',
      host: `unix://${engine.socketPath}`,
    })
    await runtime.available()
    await runtime.observe()
    return await startsOf(runtime, { docker: { image, args: ['sleep', '600'], network: 'none' } })
  } finally {
    engine.down()
  }
}

async function startsOf(runtime: Runtime, task: object) {
  const spec = taskSpec(task)
  const [start, stop]: [number[], number[]] = [[], []]
  // The first ones warm up the code.
  for (let i = -5; i < starts; i++) {
    const allocation = `job.${i + 5}.00000001`
    const startedAt = performance.now()
    await runtime.start({ allocation, task: 'main', job: 'job', slot: 0, spec, ports: {}, env: {} })
    const upAt = performance.now()
    await runtime.stop({ allocation, task: 'main' }, 1000)
    const downAt = performance.now()
    await runtime.remove(allocation)
    if (i < 0) continue
    start.push((upAt - startedAt) * 1000)
    stop.push((downAt - upAt) * 1000)
  }
  await runtime.close()
  return { start: quantiles(start), stop: quantiles(stop) }
}
