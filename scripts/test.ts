/**
 * `npm test`: each test file in a process of its own, two at a time; those with real agents, engines and networks
 * after those that only compute. Ends with the plain line `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

interface Result {
  file: string
  passed: number
  failed: number
  skipped: number
  seconds: number
  output: string
}

/** They wait more than they compute. */
const real = /^test\/(e2e|node\/agent|node\/runtime\/docker|node\/network)/
/** It takes longest, so it begins. */
const long = /^test\/sim\/promises/
/** Types are stripped once, not by each of the processes. */
const compileCache = resolve('node_modules/.cache/compile')
const timeLimitMs = 600_000
/** After its summary: what a failed test has left open may keep its file from ending. */
const lingerMs = 20_000

function turnOf(file: string): number {
  if (long.test(file)) return 0
  return real.test(file) ? 2 : 1
}

async function runFile(file: string): Promise<Result> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--no-warnings', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  })
  let output = ''
  let endedFor: string | undefined
  const endFor = (why: string) => {
    endedFor = why
    child.kill('SIGKILL')
  }
  let linger: NodeJS.Timeout | undefined
  const append = (chunk: Buffer) => {
    output = (output + chunk).slice(-200_000)
    if (linger === undefined && /^ {2}Duration:/m.test(output))
      linger = setTimeout(endFor, lingerMs, 'it went on after its last test')
  }
  child.stdout.on('data', append)
  child.stderr.on('data', append)
  const timer = setTimeout(endFor, timeLimitMs, `it took over ${timeLimitMs / 1000} s`)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  clearTimeout(linger)
  if (endedFor !== undefined) output += `\nended: ${endedFor}`
  const seconds = (performance.now() - startedAt) / 1000
  return { file, seconds, output, ...countsOf(file, output, code) }
}

/** From uvu's summary. A file that ran nothing, or ended badly without a failed test, has failed. */
function countsOf(file: string, output: string, code: number | null) {
  const read = (name: string) =>
    [...output.matchAll(new RegExp(`^  ${name}:\\s+([0-9]+)`, 'gm'))].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
  const [total, passed, skipped] = [read('Total'), read('Passed'), read('Skipped')]
  const runs = /\.run\(\)/.test(readFileSync(file, 'utf8'))
  const failed = total - passed - skipped
  const isBroken = !runs || total === 0 || code !== 0
  return { passed, skipped, failed: isBroken ? Math.max(1, failed) : failed }
}

async function runAll(files: string[], atOnce: number, results: Result[]): Promise<void> {
  const waiting = [...files]
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file)
      results.push(result)
      report(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

function report({ file, passed, failed, skipped, seconds, output }: Result): void {
  const counts = `${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  const verdict = failed === 0 ? 'ok  ' : 'FAIL'
  process.stdout.write(`${verdict} ${file}  ${counts}, ${seconds.toFixed(1)} s\n`)
  if (failed > 0) process.stdout.write(`${output.trimEnd()}\n\n`)
  for (const line of output.match(/^skipped: .*$/gm) ?? []) process.stdout.write(`     ${line}\n`)
}

const filter = process.argv[2]
const files = globSync('test/**/*.test.ts')
  .filter((file) => filter === undefined || file.includes(filter))
  .sort((a, b) => turnOf(a) - turnOf(b) || (a < b ? -1 : 1))
const results: Result[] = []
await runAll(files, 2, results)

const sum = (of: (result: Result) => number) => results.reduce((total, each) => total + of(each), 0)
const skipped = sum((result) => result.skipped)
const counts = `${sum((result) => result.passed)} passed, ${sum((result) => result.failed)} failed`
process.stdout.write(`${counts}${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
process.exitCode = files.length === 0 || sum((result) => result.failed) > 0 ? 1 : 0
