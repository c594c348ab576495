import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Performer } from '../../node/perform.ts'
import { CheckMonitor } from '../../node/runtime/health.ts'
import { PortTable } from '../../node/runtime/ports.ts'
import { createProcessRuntime } from '../../node/runtime/process.ts'
import { openJournal } from '../../node/storage/journal.ts'
import { StoreFailure } from '../../node/storage/store.ts'
import type { Event } from '../../protocol/event.ts'
import { sparseMesh } from '../../protocol/membership/gossip-mesh.ts'
import { type PerformerUnderTest, performerContract, taskOf } from '../contract.ts'

const performers = suite('performer')

interface Subject extends PerformerUnderTest {
  readonly bugs: unknown[]
  /** What the store throws instead of writing. */
  failWith(error: unknown): void
}

/** The real store, runtime and ports; a network that writes down what it is given. */
async function create(): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-perform-'))
  const journal = await openJournal(folder)
  const runtimes = createProcessRuntime({
    dataDir: folder,
    nodeId: 'performer',
    onExit: () => undefined,
    limits: 'none',
  })
  await runtimes.observe()
  const told: Event[] = []
  const acts: string[] = []
  const bugs: unknown[] = []
  const started = new Set<string>()
  let underWay = 0
  let failure: unknown
  const tracked = async <T>(promise: Promise<T>): Promise<T> => {
    underWay++
    try {
      return await promise
    } finally {
      underWay--
    }
  }
  const ports = new PortTable()
  const checks = new CheckMonitor({
    exec: () => Promise.reject(new Error('no checks here')),
    onTurn: () => undefined,
  })
  const performer = new Performer({
    store: {
      write: (writes) =>
        tracked(failure === undefined ? journal.write(writes) : Promise.reject(failure)),
    },
    network: {
      send: (to) => acts.push(`send ${to}`),
      publish: () => acts.push('publish'),
      keepLinks: () => acts.push('keep-links'),
      provide: (name) => acts.push(`provide ${name}`),
      withdraw: (name) => acts.push(`withdraw ${name}`),
    },
    runtimes: {
      start(task) {
        started.add(task.allocation)
        return tracked(runtimes.start(task))
      },
      stop: (ref, graceMs) => tracked(runtimes.stop(ref, graceMs)),
      remove: (allocation) => tracked(runtimes.remove(allocation)),
    },
    ports: {
      reserve: (allocation, wanted) => tracked(ports.reserve(allocation, wanted)),
      release: (allocation) => ports.release(allocation),
    },
    checks,
    node: { name: 'n1', host: '127.0.0.1' },
    tell: (event) => told.push(event),
    reply: (request) => acts.push(`reply ${request}`),
    notify: ({ type }) => acts.push(`notify ${type}`),
    stopAgent: () => acts.push('stop-agent'),
    onSurprise: (error) => bugs.push(error),
    onBug: (error) => bugs.push(error),
  })
  return {
    performAll: (effects) => performer.performAll(effects),
    told,
    acts,
    bugs,
    failWith: (error) => {
      failure = error
    },
    breakDisk: () => {
      failure = new StoreFailure('disk-full', 'no space left on device')
    },
    async settle() {
      do await new Promise((resolve) => setImmediate(resolve))
      while (underWay > 0)
      // What follows from the last outcome.
      await new Promise((resolve) => setImmediate(resolve))
    },
    async close() {
      for (const allocation of started) await runtimes.remove(allocation)
      checks.close()
      await runtimes.close()
      await journal.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

performerContract(performers, create)

async function withSubject(run: (subject: Subject) => Promise<void>): Promise<void> {
  const subject = await create()
  try {
    await run(subject)
  } finally {
    await subject.close()
  }
}

const start = { type: 'start-task', allocation: 'j.0.1', job: 'j', slot: 0, ports: {} } as const

performers('a task that cannot be started surely does not run', () =>
  withSubject(async ({ performAll, settle, told, bugs }) => {
    performAll([{ ...start, id: 1, task: taskOf(['/nowhere/at-all']) }])
    await settle()
    const [event] = told
    assert.is(event?.type, 'effect-failed')
    if (event?.type === 'effect-failed') {
      assert.is(event.code, 'command-missing')
      assert.is(event.definite, true)
      assert.match(event.detail, '/nowhere/at-all')
    }
    assert.equal(bugs, [])
  }),
)

performers('what is published, provided and kept reaches the network in order', () =>
  withSubject(async ({ performAll, acts }) => {
    performAll([
      { type: 'keep-links', members: ['a'], mesh: sparseMesh },
      { type: 'provide', service: 'web' },
      { type: 'withdraw', service: 'web' },
      { type: 'stop-agent' },
    ])
    assert.equal(acts, ['keep-links', 'provide web', 'withdraw web', 'stop-agent'])
  }),
)

performers('a store that fails in a way of its own is a bug, and nothing goes on', () =>
  withSubject(async ({ performAll, settle, failWith, told, bugs, acts }) => {
    failWith(new TypeError('oops'))
    performAll([
      { type: 'persist', id: 1, writes: [{ key: 'k', value: 1 }] },
      { type: 'stop-agent' },
    ])
    await settle()
    assert.is(bugs.length, 1)
    assert.equal([told, acts], [[], []])
  }),
)

performers.run()
