/** `starling sim --from` and `starling replay` as a person uses them: exit codes, and one line for what is wrong. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { job, madeSnapshot } from '../what-if/made.ts'

const cli = suite('sim/cli/what-if')
const main = fileURLToPath(new URL('../../../sim/main.ts', import.meta.url))
let folder = ''

cli.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-what-if-'))
  file('five.json', madeSnapshot({ jobs: [job('web', 4), job('api', 2)] }))
  file('job.yaml', 'id: new\ncount: 2\ntasks:\n  - { name: a, process: { command: [x] } }\n')
  file('wrong.yaml', 'id: new\ncount: many\ntasks:\n  - { name: a, process: { command: [x] } }\n')
  file('old.json', '{"format":"starling-snapshot/1"}')
  file('record', 'no record')
})
cli.after(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

function run(words: string): { code: number | null; out: string; err: string } {
  const args = ['--no-warnings', main, ...words.split(' ')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

cli('a table for people, JSON for programs, and the what-ifs in their order', () => {
  const words = '--kill n3 --add 2:cpu=8000,memory=8192,zone=x --scale web=6 --deploy job.yaml'
  const { code, out, err } = run(`sim --from five.json ${words} --stop api --seeds 2`)
  assert.equal([code, err], [0, ''])
  const heads = out.split('\n').filter((line) => / moves?, /.test(line))
  assert.equal(
    heads.map((line) => line.split(':')[0]),
    ['as it is', 'kill n3', 'add 2 nodes', 'scale web to 6', 'deploy new', 'stop api'],
  )
  assert.match(out, /^capacity$/m)
  const json = run(`sim --from five.json ${words} --stop api --seeds 2 --json`)
  const told = JSON.parse(json.out)
  assert.equal([told.runs, told.steps.length, told.capacity.after.nodes], [2, 6, 6])
  assert.is(told.moves.filter((each: { job: string }) => each.job === 'new').length, 2)
})

/** [words, exit code, the line]. */
const wrong: [string, number, RegExp][] = [
  ['sim --kill n3', 2, /^starling sim: --kill needs --from SNAPSHOT$/m],
  [
    'sim --from five.json --kill n9',
    2,
    /: --kill: there is no node n9 in five\.json; it has n0, n1/m,
  ],
  ['sim --from five.json --kill n1,n1', 2, /--kill: n1,n1 names a node twice/],
  ['sim --from five.json --kill n1 --drain n1', 2, /--drain: there is no node n1 in/],
  [
    'sim --from five.json --scale shop=3',
    2,
    /--scale: there is no job shop in .*; it has api, web/,
  ],
  ['sim --from five.json --stop web --scale web=3', 2, /--scale: there is no job web/],
  ['sim --from five.json --scale web', 2, /--scale: web is not JOB=COUNT/],
  ['sim --from five.json --add 5', 2, /--add: 5 is not COUNT:cpu=/],
  ['sim --from five.json --add 5:cpu=100', 2, /--add: cpu \(millicores\) and memory \(MiB\) are/],
  ['sim --from five.json --add 5:cpu=much,memory=1', 2, /--add: cpu must be a whole number, not/],
  ['sim --from five.json --members 5', 2, /--from and --members exclude each other/],
  ['sim --from five.json list', 2, /there is no command list/],
  ['sim --from five.json --deploy wrong.yaml', 1, /^wrong\.yaml:2: count must be an integer$/m],
  ['sim --from five.json --deploy nope.yaml', 1, /^nope\.yaml: there is no such file$/m],
  ['sim --from nope.json', 1, /^nope\.json: there is no such file$/m],
  ['sim --from old.json', 1, /^old\.json: is starling-snapshot\/1, and this program reads/m],
  ['replay', 2, /^starling replay: it needs the file of one record$/m],
  ['replay --fast record', 2, /^starling replay: there is no option --fast$/m],
  ['replay nope', 1, /^nope: there is no such file$/m],
  ['replay record', 1, /^record: is no flight record: a frame of/m],
]

cli('what is wrong is one line, without a stack', () => {
  for (const [words, code, line] of wrong) {
    const ended = run(words)
    assert.equal([words, ended.code, ended.out], [words, code, ''])
    assert.match(ended.err, line)
    assert.not.match(ended.err, /\n +at /)
    if (code === 1) assert.is(ended.err.split('\n').length, 2, ended.err)
  }
})

cli('a node may be named by its id as well', () => {
  const { code, out } = run('sim --from five.json --kill member-000003 --seeds 1')
  assert.is(code, 0)
  assert.match(out, /n3 → /)
})

cli.run()
