import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Journal, openJournal } from '../../../node/storage/journal.ts'
import { StoreFailure } from '../../../node/storage/store.ts'
import type { Value } from '../../../protocol/base/value.ts'

const journals = suite('journal')

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-journal-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function contents(journal: Journal): Promise<[string, Value][]> {
  const found: [string, Value][] = []
  for await (const { key, value } of journal.entries()) found.push([key, value])
  return found
}

async function failureOf(promise: Promise<unknown>): Promise<StoreFailure> {
  try {
    await promise
  } catch (error) {
    assert.instance(error, StoreFailure)
    return error as StoreFailure
  }
  throw new Error('it did not fail')
}

journals('what was written is there after a restart, in key order, without what was deleted', () =>
  inFolder(async (folder) => {
    const first = await openJournal(folder)
    await first.write([
      { key: 'b', value: { list: [1, -2, 'drei', null, true] } },
      { key: 'a', value: new Uint8Array([1, 2, 3]) },
      { key: 'c', value: 3 },
    ])
    await first.write([{ key: 'c', value: null }])
    await first.close()
    const second = await openJournal(folder)
    assert.equal(await contents(second), [
      ['a', new Uint8Array([1, 2, 3])],
      ['b', { list: [1, -2, 'drei', null, true] }],
    ])
    await second.close()
  }),
)

journals('writes that arrive during an fsync share the next one, in their order', () =>
  inFolder(async (folder) => {
    const journal = await openJournal(folder)
    const order: number[] = []
    const writes = Array.from({ length: 500 }, (_, i) =>
      journal.write([{ key: 'same', value: i }]).then(() => order.push(i)),
    )
    await Promise.all(writes)
    assert.equal(
      order,
      order.toSorted((a, b) => a - b),
    )
    assert.equal(await contents(journal), [['same', 499]])
    assert.is(journal.counters.writes, 500)
    assert.ok(journal.counters.batches <= 3, `${journal.counters.batches} batches`)
    await journal.close()
  }),
)

journals('close finishes what waits, and refuses what comes later', () =>
  inFolder(async (folder) => {
    const journal = await openJournal(folder)
    const written = journal.write([{ key: 'a', value: 1 }])
    const closing = journal.close()
    assert.is((await failureOf(journal.write([{ key: 'b', value: 1 }]))).code, 'io')
    await written
    await closing
  }),
)

journals('a second agent is told who holds the folder', () =>
  inFolder(async (folder) => {
    const journal = await openJournal(folder)
    const failure = await failureOf(openJournal(folder))
    assert.is(failure.code, 'locked')
    assert.match(failure.message, `pid ${process.pid}`)
    await journal.close()
    await (await openJournal(folder)).close()
  }),
)

const writer = `
  import { openJournal } from '${new URL('../../../node/storage/journal.ts', import.meta.url)}'
  const journal = await openJournal(process.argv[1])
  for (let i = 0; ; i++) {
    await journal.write([{ key: 'last', value: i }, { key: 'k' + String(i).padStart(6, '0'), value: i }])
    process.stdout.write(i + '\\n')
  }`

/** Runs until `count` writes are acknowledged, then kills the process and returns the last one it told of. */
async function writeAndKill(folder: string, count: number): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, folder])
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let last = -1
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    if (last >= count) child.kill('SIGKILL')
  }
  await ended
  return last
}

journals('an acknowledged write survives kill -9, all of it or nothing', () =>
  inFolder(async (folder) => {
    for (const count of [0, 40]) {
      const acknowledged = await writeAndKill(folder, count)
      assert.ok(acknowledged >= count)
      const journal = await openJournal(folder)
      const found = new Map(await contents(journal))
      for (let i = 0; i <= acknowledged; i++)
        assert.is(found.get(`k${String(i).padStart(6, '0')}`), i)
      const last = Number(found.get('last'))
      assert.is(found.get(`k${String(last).padStart(6, '0')}`), last)
      await journal.close()
    }
  }),
)

async function onTinyDisk(run: (folder: string, grow: () => void) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder])
    try {
      await run(folder, () => execFileSync('mount', ['-o', 'remount,size=32m', folder]))
    } finally {
      execFileSync('umount', ['--lazy', folder])
    }
  })
}

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const onFullDisk = canMount() ? journals : journals.skip

onFullDisk('a full disk refuses writes, loses none, and is used again when there is room', () =>
  onTinyDisk(async (folder, grow) => {
    const journal = await openJournal(folder)
    const value = Uint8Array.from({ length: 20_000 }, (_, i) => (i * i * 31) >> 3)
    const acknowledged: string[] = []
    const put = async (i: number): Promise<void> => {
      const key = `k${String(i).padStart(4, '0')}`
      await journal.write([{ key, value: [i, value] }])
      acknowledged.push(key)
    }
    let i = 0
    const fill = async () => {
      for (;;) await put(i++)
    }
    assert.is((await failureOf(fill())).code, 'disk-full')
    assert.is((await failureOf(put(i++))).code, 'disk-full')
    assert.ok(acknowledged.length > 10)
    grow()
    await untilWritten(() => put(i))
    await put(i + 1)
    await journal.close()
    const again = await openJournal(folder)
    const found = (await contents(again)).map(([key]) => key)
    for (const key of acknowledged) assert.ok(found.includes(key), `${key} is lost`)
    await again.close()
  }),
)

/** The store looks at the disk again only now and then. */
async function untilWritten(write: () => Promise<void>): Promise<void> {
  const giveUpAt = performance.now() + 10_000
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

journals.run()
