/** The same seed gives the same run, on however many workers: all that is reported but the time it took. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Report } from '../../sim/report/report.ts'

const determinism = suite('sim/determinism')
const main = fileURLToPath(new URL('../../sim/main.ts', import.meta.url))
const seeds = ['--seed', '3', '--seeds', '3', '--members', '12', '--seconds', '4', '--json']

function reports(...args: string[]): Promise<Report[]> {
  const child = spawn(process.execPath, ['--no-warnings', main, 'sim', ...seeds, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (text) => (out += text))
  return new Promise((resolve) => {
    child.on('close', () => {
      const lines = out.split('\n').filter((line) => line.startsWith('{'))
      resolve(lines.map((line) => ({ ...(JSON.parse(line) as Report), wallMs: 0 })))
    })
  })
}

const hashOf = (report: Report) => report.traceHash

determinism('one worker, two workers and none report the same', async () => {
  const alone = await reports()
  assert.is(alone.length, 3)
  assert.is(new Set(alone.map((report) => report.traceHash)).size, 3)
  for (const workers of ['1', '2']) {
    const others = await reports('--workers', workers)
    assert.equal(others.map(hashOf), alone.map(hashOf))
    assert.ok(JSON.stringify(others) === JSON.stringify(alone), 'equal in all else that is told')
  }
})

determinism.run()
