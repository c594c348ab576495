/** Records and what is wrong with them, and where two effects part. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../../../protocol/base/value.ts'
import { encodeFrame, type Frame } from '../../../protocol/flight-record.ts'
import { FlightRecorder } from '../../../sim/flight-recorder.ts'
import { firstDifference } from '../../../sim/replay/difference.ts'
import { RecordReader } from '../../../sim/replay/record-file.ts'
import { replay } from '../../../sim/replay/replay.ts'
import { Simulator } from '../../../sim/simulator.ts'

const replaying = suite('sim/replay')
let folder = ''
let record: Frame[] = []

/** A member that starts cold among others, takes a job, is killed and starts again. */
replaying.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-replay-'))
  const simulator = new Simulator({ seed: 5, members: 4 })
  const recorder = new FlightRecorder(join(folder, 'life'))
  simulator.recorders.set(1, recorder)
  for (const host of simulator.hosts) host.start(simulator.hosts.slice(0, 2))
  simulator.run(5_000_000)
  const tasks = [{ name: 'a', process: { command: ['a'] } }]
  const spec = { id: 'web', count: 6, tasks }
  const command = { type: 'submit-job', spec, mode: 'create', ifMatch: null, copies: null } as const
  simulator.hosts[1]!.request(command, () => {})
  simulator.run(5_000_000)
  simulator.hosts[1]!.killAgent()
  simulator.run(1_000_000)
  simulator.hosts[1]!.start([simulator.hosts[0]!])
  simulator.run(5_000_000)
  recorder.close()
  record = [...new RecordReader(join(folder, 'life')).frames()]
})
replaying.after(() => rmSync(folder, { recursive: true, force: true }))

function written(bytes: Uint8Array): RecordReader {
  const file = join(folder, 'x')
  writeFileSync(file, bytes)
  return new RecordReader(file)
}

const bytesOf = (frames: readonly Frame[]) => Buffer.concat(frames.map(encodeFrame))

replaying('both lives of a simulated member run again to the same', () => {
  const { outcome, lives, steps, compared } = replay(record)
  assert.equal([outcome, lives], [{ type: 'same' }, 2])
  assert.ok(steps > 100 && compared === steps)
})

replaying('any field of any effect that is altered is found, in its step', () => {
  const steps = record.filter((frame) => frame.type === 'step')
  const chosen = steps.filter(({ effects }) => effects!.length > 0)
  for (const frame of [chosen[1]!, chosen[20]!, chosen.at(-1)!]) {
    const effects = [...frame.effects!]
    effects[effects.length - 1] = { ...effects.at(-1), extra: 1 } as never
    const altered = record.map((each) => (each === frame ? { ...frame, effects } : each))
    const { outcome, steps: at } = replay(altered)
    assert.is(outcome.type, 'different')
    assert.is(at, steps.indexOf(frame) + 1)
    const path = `[${effects.length - 1}].extra`
    assert.is(outcome.type === 'different' && outcome.step.first.path, path)
  }
})

replaying('an event that is left out is noticed', () => {
  const at = record.findIndex(
    (frame) => frame.type === 'step' && frame.event.type === 'request-received',
  )
  assert.is(replay(record.filter((_, i) => i !== at)).outcome.type, 'different')
})

replaying('a cut record is whole up to the cut', () => {
  const bytes = bytesOf(record)
  for (const cut of [bytes.length - 1, bytes.length - 500, 3000]) {
    const reader = written(bytes.subarray(0, cut))
    assert.is(replay(reader.frames()).outcome.type, 'same')
    assert.is(reader.end, 'torn')
  }
  const whole = written(bytes)
  assert.is([...whole.frames()].length, record.length)
  assert.is(whole.end, 'whole')
})

/** [what the file has, the complaint]. */
const wrong: [() => Uint8Array, RegExp][] = [
  [() => Buffer.from('no record, but some text'), /x: is no flight record: a frame of/],
  [() => bytesOf(record.slice(1)), /x: is no flight record: it does not begin with a life/],
  [
    () => bytesOf([{ ...record[0], version: 1 } as never]),
    /x: is a record of version 1, and this program reads version 2/,
  ],
  [
    () => bytesOf([record[0]!, { type: 'step', now: 'soon' } as never]),
    /x: frame 2, at byte \d+: now must be an integer/,
  ],
  [
    () => Buffer.concat([bytesOf(record.slice(0, 3)), Buffer.from([0, 0, 0, 2, 255, 255])]),
    /x: frame 4, at byte \d+: bytes that are no canonical value/,
  ],
]

replaying('what is wrong with a record is told with its place', () => {
  for (const [bytes, complaint] of wrong)
    assert.throws(() => [...written(bytes()).frames()], complaint)
})

/** [expected, actual, the path; null for the same]. */
const pairs: [Value, Value, string | null][] = [
  [1, 1, null],
  [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, null],
  [new Uint8Array([1, 2]), new Uint8Array([1, 2]), null],
  [1, 2, ''],
  [[], {}, ''],
  [null, {}, ''],
  [new Uint8Array([1]), new Uint8Array([2]), ''],
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, '.a[1].b'],
  [{ a: 1 }, { a: 1, b: 2 }, '.b'],
  [[1, 2, 3], [1, 2], '[2]'],
  [[{}, {}, { c: 1 }], [{}, {}, { c: new Uint8Array(1) }], '[2].c'],
]

replaying('the first field in which two values differ', () => {
  for (const [expected, actual, path] of pairs)
    assert.is(firstDifference(expected, actual)?.path ?? null, path)
})

replaying.run()
