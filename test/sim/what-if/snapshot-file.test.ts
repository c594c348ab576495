/** Snapshot and job files: what is wrong with one is told in a line, with the field or the line. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseJobFile } from '../../../sim/what-if/job-file.ts'
import { parseSnapshot } from '../../../sim/what-if/snapshot-file.ts'
import { job, madeSnapshot } from './made.ts'

const files = suite('sim/what-if/files')
const sound = madeSnapshot({ jobs: [job('web', 2)], members: 2 })

// biome-ignore lint/suspicious/noExplicitAny: the tests break snapshots in every place.
type Broken = any

function complaintOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    assert.is((error as Error).name, 'FileProblem')
    return (error as Error).message
  }
  return 'none'
}

/** [what is done to it, the complaint]. */
const broken: [(snapshot: Broken) => void, RegExp][] = [
  [(s) => (s.format = 'starling-snapshot/1'), /^x: is starling-snapshot\/1, and this program/],
  [(s) => delete s.format, /^x: is no snapshot/],
  [(s) => delete s.at, /^x: at is required$/],
  [(s) => (s.config.probeIntervalMs = 'often'), /^x: config\.probeIntervalMs must be an integer$/],
  [(s) => (s.nodes[1].state = 'asleep'), /^x: nodes\[1\]\.state must be one of alive, suspect/],
  [(s) => (s.nodes[1].id = s.nodes[0].id), /^x: nodes must have different ids$/],
  [(s) => (s.nodes = []), /^x: nodes must have at least 1 items$/],
  [(s) => (s.self = 'nobody'), /^x: self is not among the nodes$/],
  [(s) => (s.records[0].body.state = 'lost'), /^x: records\[0\]\.body\.state must be one of/],
  [(s) => (s.records[2].counter = 1.5), /^x: records\[2\]\.counter must be an integer$/],
  [
    (s) => (specOf(s).body.spec.tasks[0].resources.cpu = -1),
    /^x: records\[\d\]\.body\.spec\.tasks\[0\]\.resources\.cpu must be at least 0$/,
  ],
]

function specOf({ records }: Broken): Broken {
  return records.find(({ key }: Broken) => key === 'job/web/spec')
}

files('each wrong field is told with its path', () => {
  assert.is(
    complaintOf(() => parseSnapshot(sound, 'x')),
    'none',
  )
  for (const [change, complaint] of broken) {
    const snapshot = JSON.parse(sound)
    change(snapshot)
    assert.match(
      complaintOf(() => parseSnapshot(JSON.stringify(snapshot), 'x')),
      complaint,
    )
  }
})

files('one that is cut off says so, wherever it is cut', () => {
  const lines = JSON.stringify(JSON.parse(sound), null, 1)
  for (let cut = 1; cut < lines.length - 2; cut += 97)
    assert.match(
      complaintOf(() => parseSnapshot(lines.slice(0, cut), 'x')),
      /^x:\d+: is cut off/,
    )
  assert.is(
    complaintOf(() => parseSnapshot('', 'x')),
    'x: is empty',
  )
  assert.match(
    complaintOf(() => parseSnapshot('[1, 2', 'x')),
    /^x: is not JSON/,
  )
})

files('fields and kinds of records that this version does not know are no hindrance', () => {
  const snapshot = JSON.parse(sound)
  snapshot.later = true
  snapshot.nodes[0].later = true
  snapshot.config.laterMs = 5
  snapshot.records.push({ ...snapshot.records[0], key: 'later/x', body: { some: 'thing' } })
  assert.is(
    complaintOf(() => parseSnapshot(JSON.stringify(snapshot), 'x')),
    'none',
  )
})

files('a job file is held against what a submission may be, with the line', () => {
  const text = 'id: web\ntasks:\n  - name: a\n    process: { command: [x] }\n'
  assert.is(parseJobFile(text, 'j').count, 1)
  const wrong: [string, string][] = [
    [`${text}cuont: 3\n`, 'j:5: cuont is not a known field'],
    [text.replace('[x]', 'x'), 'j:4: tasks[0].process.command must be a list'],
    ['id: web\n', 'j:1: tasks is required'],
    ['id: [', 'j:1: Flow sequence in block collection must be sufficiently indented'],
    ['{"id": "web", "tasks": [{"name": "A!"}]}', 'j:1: tasks[0].name must be lower-case'],
  ]
  for (const [content, complaint] of wrong)
    assert.ok(complaintOf(() => parseJobFile(content, 'j')).startsWith(complaint.slice(0, 40)))
})

files.run()
