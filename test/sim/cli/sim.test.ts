/** `starling sim` as a person uses it: its exit codes, its words, its files. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Report } from '../../../sim/report/report.ts'

const sim = suite('sim/cli')
const main = fileURLToPath(new URL('../../../sim/main.ts', import.meta.url))
let folder = ''

sim.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-sim-'))
})
sim.after(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--no-warnings', main, 'sim', ...args])
  let [out, err] = ['', '']
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => (err += text))
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, out, err }))
  })
  return { child, ended }
}

const run = (...args: string[]) => start(...args).ended

const small = `name: small
about: A few members, of which one loses power.
members: { count: 8, regions: [{ name: north, rackSize: 2 }, { name: south, rackSize: 2 }] }
links: { sameRack: { latency: 100us..300us } }
workload:
  - { load: jobs, within: 1s, jobs: 3, count: 1..3 }
faults:
  - { fault: power-off, at: 3s, target: { members: [n5] }, for: 8s }
durations: { safety: 14s, liveness: 60s }
expect:
  - detection.p99 <= 10s
  - falseDeaths = 0
`

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

sim('a scenario is run, and told as a table, as JSON and as a page', async () => {
  const out = join(folder, 'one')
  const scenario = file('small.yaml', small)
  const told = await run('--scenario', scenario, '--seed', '7', '--report', out)
  assert.is(told.code, 0, told.out + told.err)
  const lines = told.out.split('\n')
  assert.is(lines[0], 'seed 7')
  assert.match(told.out, /detection\.p99 +\S+ \S+ +✓ detection\.p99 <= 10s/)
  assert.match(told.out, /S1 +✓ kept/)
  assert.match(told.out, `--scenario ${scenario} --seed 7`)
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report
  assert.is(report.verdict, 'passed')
  assert.is(report.deaths.length, 1)
  assert.is(report.deaths[0]!.host, 'n5')
  const page = readFileSync(join(out, 'report.html'), 'utf8')
  assert.not.match(page, /\b(src|href)=/)
  assert.not.match(page, /https?:|@import|url\(/)
  const again = await run('--scenario', scenario, '--seed', '7', '--json')
  assert.is((JSON.parse(again.out) as Report).traceHash, report.traceHash)
})

sim('a recorded cluster takes the place of a scenario', async () => {
  const sample = fileURLToPath(new URL('../trace/sample', import.meta.url))
  const trace = ['--trace', 'alibaba-gpu-2023', sample, '--speed', '100000']
  const told = await run(...trace, '--json')
  assert.is(told.code, 0, told.err)
  const report = JSON.parse(told.out) as Report
  assert.is(report.credit, '5 tasks of alibaba-gpu-2023, 100000× as fast as recorded')
  assert.is(report.scenario.members.count, 4)
  assert.is(report.measured.acknowledged, 5)
  assert.ok(report.measured.starts! >= 4)
  assert.ok(report.measured['utilisation.gpu']! > 0)
})

sim('two reports are compared', async () => {
  const scenario = file('small.yaml', small)
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  for (const [out, members] of [
    [a, '8'],
    [b, '12'],
  ] as const)
    await run('--scenario', scenario, '--members', members, '--report', out)
  const told = await run('compare', a, b, '--report', join(folder, 'both'))
  assert.is(told.code, 0, told.err)
  assert.match(told.out, /members: 8 → 12/)
  assert.match(told.out, /detection\.p99/)
  assert.match(readFileSync(join(folder, 'both', 'compare.html'), 'utf8'), /members: 8 → 12/)
})

sim(
  'what was expected and is not so fails the run, and so does a knob without effect',
  async () => {
    const strict = small.replace('<= 10s', '<= 1ms')
    const failed = await run('--scenario', file('strict.yaml', strict))
    assert.is(failed.code, 1)
    assert.match(failed.out, /expected detection\.p99 <= 1ms, was/)
    const starts =
      '  - { fault: fail-starts, at: 12s, target: { members: [n1] }, share: 1%, for: 1s }\n'
    const idle = small.replace('durations:', `${starts}durations:`)
    const useless = await run('--scenario', file('idle.yaml', idle))
    assert.is(useless.code, 1)
    assert.match(useless.out, /no effect: faults\[1\] fail-starts: struck 1 times without effect/)
  },
)

sim('Ctrl-C ends it with the report so far', async () => {
  const out = join(folder, 'cut')
  const long = small.replace('safety: 14s', 'safety: 100h')
  const { child, ended } = start('--scenario', file('long.yaml', long), '--report', out)
  await new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()))
  child.kill('SIGINT')
  const told = await ended
  assert.is(told.code, 130, told.err)
  assert.match(told.out, /interrupted: the report so far/)
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report
  assert.is(report.verdict, 'interrupted')
})

const misused: [string[], RegExp][] = [
  [['--sed', '7'], /^starling sim: Unknown option '--sed'\nusage: /],
  [['fly'], /^starling sim: there is no command fly\nusage: /],
  [['compare', 'a'], /^starling sim: compare needs two reports/],
  [['compare', 'no/a', 'no/b'], /^no\/a: there is no such report\n$/],
  [['--scenario', 'earthquake'], /^earthquake: there is no such scenario; .*\n$/],
  [['--trace', 'alibaba-gpu-2023'], /^starling sim: --trace needs the folder/],
  [['--trace', 'alibaba-gpu-2023', 'no/such'], /^no\/such\/.*: there is no such file\n$/],
]

for (const [args, complaint] of misused)
  sim(`${args.join(' ')}: exit code 2, no stack`, async () => {
    const told = await run(...args)
    assert.is(told.code, 2)
    assert.match(told.err, complaint)
    assert.is(told.out, '')
    assert.not.match(told.err, /\n {4}at /)
  })

sim('a wrong file is told with its line', async () => {
  const wrong = file('wrong.yaml', small.replace('[n5]', '[n50]'))
  const told = await run('--scenario', wrong)
  assert.is(told.code, 2)
  assert.is(
    told.err,
    `${wrong}:8: faults[0].target.members[0] there is no n50: members are n0 … n7\n`,
  )
})

sim('list has a line for each, show the file, --help the words', async () => {
  const listed = await run('list')
  assert.is(listed.code, 0)
  assert.match(listed.out, /^rack-loss +\S.*\n/m)
  const shown = await run('show', 'rack-loss')
  assert.match(shown.out, /^name: rack-loss\n/)
  const helped = await run('--help')
  assert.is(helped.code, 0)
  assert.match(helped.out, /--scenario NAME\|FILE/)
})

sim.run()
