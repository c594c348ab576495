import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LogFile } from '../../../node/runtime/log-file.ts'
import { readLogs } from '../../../node/runtime/logs.ts'
import { exitOf, main, processStart, readAll, until, withProcesses } from './fixture.ts'

const test = suite('logs')

async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-logs-'))
  try {
    await body(join(folder, 'stdout.log'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function read(log: LogFile, tail: number | undefined): Promise<string> {
  const { signal } = new AbortController()
  const parts: Uint8Array[] = []
  const reading = { logs: [log], follow: false, tail, signal, hasEnded: () => true }
  for await (const bytes of readLogs(reading)) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

/** What the last lines of a text are, by the obvious way. */
function lastLines(text: string, count: number | undefined): string {
  if (count === undefined) return text
  if (count === 0) return ''
  const lines = text.split(/(?<=\n)/)
  return lines.slice(-count).join('')
}

const tails: [text: string, tail: number | undefined, expected: string][] = [
  ['', 3, ''],
  ['a\nb\nc\n', undefined, 'a\nb\nc\n'],
  ['a\nb\nc\n', 0, ''],
  ['a\nb\nc\n', 1, 'c\n'],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc\n', 3, 'a\nb\nc\n'],
  ['a\nb\nc\n', 9, 'a\nb\nc\n'],
  ['a\nb\nc', 1, 'c'],
  ['a\nb\nc', 2, 'b\nc'],
  ['\n\n\n', 2, '\n\n'],
]
for (const [text, tail, expected] of tails)
  test(`the last ${tail} of ${JSON.stringify(text)}`, () =>
    withFile(async (path) => {
      appendFileSync(path, text)
      assert.is(await read(new LogFile(path, { bytesMax: 1000, files: 3 }), tail), expected)
      assert.is(lastLines(text, tail), expected)
    }))

test('a file that is not there is empty', () =>
  withFile(async (path) => {
    const log = new LogFile(path, { bytesMax: 10, files: 3 })
    await log.bound()
    assert.is(await read(log, undefined), '')
    assert.is(await read(log, 5), '')
  }))

test('rotated files read as one, whatever the writes, and however many are kept', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('\n', 'x\n', 'yy\n', 'no end'), { maxLength: 20 }),
      fc.option(fc.nat(12), { nil: undefined }),
      fc.integer({ min: 1, max: 4 }),
      (writes, tail, files) =>
        withFile(async (path) => {
          const log = new LogFile(path, { bytesMax: 6, files })
          let written = ''
          for (const write of writes) {
            appendFileSync(path, write)
            written += write
            await log.bound()
          }
          const kept = written.slice(written.length - sizeOfAll(path))
          assert.is(await read(log, tail), lastLines(kept, tail))
        }),
    ),
    { numRuns: 60 },
  ))

function sizeOfAll(path: string): number {
  const names = [path, ...Array.from({ length: 5 }, (_, i) => `${path}.${i + 1}`)]
  return names.reduce((sum, name) => sum + (existsSync(name) ? statSync(name).size : 0), 0)
}

test('rotation keeps to its limits of size and number', () =>
  withFile(async (path) => {
    const log = new LogFile(path, { bytesMax: 100, files: 3 })
    for (let i = 0; i < 40; i++) {
      appendFileSync(path, `${i}`.padStart(29, '0').concat('\n'))
      await log.bound()
    }
    const sizes = [path, `${path}.1`, `${path}.2`].map((name) => statSync(name).size)
    assert.ok(sizes[0]! <= 100 && sizes.slice(1).every((size) => size > 100 && size <= 130))
    assert.not.ok(existsSync(`${path}.3`))
    assert.not.ok(existsSync(`${path}.copy`))
    assert.match(await read(log, 1), /^0+39\n$/)
  }))

test('a log that grew while nobody looked is cut to its end', () =>
  withFile(async (path) => {
    const log = new LogFile(path, { bytesMax: 1000, files: 2 })
    const place = await log.placeOfTail(undefined)
    for (let i = 0; i < 1000; i++) appendFileSync(path, `${i}`.padStart(9, '0').concat('\n'))
    await log.bound()
    assert.is(statSync(`${path}.1`).size, 1000)
    const all = await read(log, undefined)
    assert.is(all.length, 1000)
    assert.match(all, /0999\n$/)
    assert.is(Buffer.from((await log.read(place)).bytes).toString(), all, 'for a slow reader too')
    assert.is(await read(log, 3), '000000997\n000000998\n000000999\n')
  }))

test('a follower keeps its place through rotations', () =>
  withFile(async (path) => {
    const log = new LogFile(path, { bytesMax: 50, files: 3 })
    let hasEnded = false
    const { signal } = new AbortController()
    let seen = ''
    const reading = readLogs({
      logs: [log],
      follow: true,
      tail: undefined,
      signal,
      hasEnded: () => hasEnded,
    })
    const done = (async () => {
      for await (const bytes of reading) seen += Buffer.from(bytes).toString()
    })()
    let written = ''
    for (let i = 0; i < 60; i++) {
      const line = `line ${i}\n`
      appendFileSync(path, line)
      written += line
      if (i % 10 === 5) await log.bound()
      // No more than is kept may be written between two looks of the reader.
      if (i % 10 === 9) await until(() => seen === written, `line ${i}`)
    }
    hasEnded = true
    await done
    assert.is(seen, written)
  }))

test('a follower begins again in a file that somebody else has emptied', () =>
  withFile(async (path) => {
    const log = new LogFile(path, { bytesMax: 1000, files: 3 })
    appendFileSync(path, 'a long first line\n')
    const place = (await log.read(await log.placeOfTail(undefined))).next
    truncateSync(path)
    appendFileSync(path, 'new\n')
    const { bytes, next } = await log.read(place)
    assert.is(bytes.length, 0)
    assert.is(Buffer.from((await log.read(next)).bytes).toString(), 'new\n')
  }))

test(
  'follows a running task to its end, over rotations',
  withProcesses(
    async ({ runtime, told }) => {
      const script = 'i=0; while [ $i -lt 150 ]; do echo "line $i"; i=$((i+1)); sleep 0.01; done'
      await runtime.start(processStart({ allocation: 'a', command: ['sh', '-c', script] }))
      const seen = await readAll(runtime, main('a'), { follow: true })
      const numbers = seen
        .trim()
        .split('\n')
        .map((line) => Number(line.slice(5)))
      assert.is(numbers.at(-1), 149)
      assert.equal(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
        'in order, and once',
      )
      // A line may be written between the last read of a rotation and the truncation.
      assert.ok(numbers.length >= 148, `${numbers.length} lines`)
      assert.is((await exitOf(told, main('a'))).exitCode, 0)
    },
    { logBytesMax: 300, logFiles: 3 },
  ),
)

test(
  'reads the streams apart and together',
  withProcesses(async ({ runtime, told }) => {
    const command = ['sh', '-c', 'echo out; echo err >&2']
    await runtime.start(processStart({ allocation: 'a', command }))
    await exitOf(told, main('a'))
    assert.is(await readAll(runtime, main('a'), { stream: 'stdout' }), 'out\n')
    assert.is(await readAll(runtime, main('a'), { stream: 'stderr' }), 'err\n')
    assert.is(await readAll(runtime, main('a'), { stream: 'both' }), 'out\nerr\n')
    assert.is(await readAll(runtime, main('b')), '', 'of no task')
  }),
)

test(
  'following ends at the signal',
  withProcesses(async ({ runtime }) => {
    const command = ['sh', '-c', 'echo up; sleep 1000']
    await runtime.start(processStart({ allocation: 'a', command }))
    const abort = new AbortController()
    let seen = ''
    const options = { stream: 'both', follow: true, tail: 10, signal: abort.signal } as const
    for await (const bytes of runtime.logs(main('a'), options)) {
      seen += Buffer.from(bytes).toString()
      abort.abort()
    }
    assert.is(seen, 'up\n')
  }),
)

test.run()
