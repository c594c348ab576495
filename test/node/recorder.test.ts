import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadIdentity } from '../../node/identity.ts'
import { Recorder } from '../../node/recorder.ts'
import type { Seal } from '../../protocol/base/seal.ts'
import { defaultConfig } from '../../protocol/config.ts'
import { createCore } from '../../protocol/core.ts'
import type { Effect, StoreWrite } from '../../protocol/effect.ts'
import type { Event } from '../../protocol/event.ts'
import { encodeFrame, type Frame, readFrames } from '../../protocol/flight-record.ts'
import { limits } from '../../protocol/limits.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'

const recording = suite('recorder')

const node: NodeBody = {
  name: 'n1',
  addresses: [],
  labels: {},
  capacity: { cpu: 1000, memory: 1000, disk: 1000, gpu: 0 },
  runtimes: ['process'],
  host: '127.0.0.1',
  version: 'test',
  awayUntil: null,
}
const init = { type: 'init', version: 1, config: defaultConfig, seed: 7, node } as const

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-recorder-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function framesOf(file: string): Frame[] {
  return [...readFrames(new Uint8Array(readFileSync(file)))]
}

const script: Event[] = [
  { type: 'tick' },
  { type: 'persisted', id: 1 },
  { type: 'tasks-observed', tasks: [] },
  {
    type: 'request-received',
    request: 1,
    command: {
      type: 'submit-job',
      spec: { id: 'web', count: 2, tasks: [{ name: 'a', process: { command: ['true'] } }] },
      mode: 'create',
      ifMatch: null,
      copies: 1,
    },
  },
  { type: 'tick' },
]

/** Has no key: hands out what was signed then. */
function recordedSeal(seal: Seal, signatures: readonly Uint8Array[]): Seal {
  const left = [...signatures]
  const sign = () => {
    const signature = left.shift()
    if (signature === undefined) throw new Error('it signs more than then')
    return signature
  }
  return { ...seal, sign }
}

recording('a record of the whole life replays to the same effects', () =>
  inFolder(async (folder) => {
    const { self, seal } = await loadIdentity(folder)
    const file = join(folder, 'life.record')
    const journal: StoreWrite[] = [{ key: 'self/epoch', value: 4 }]
    const recorder = new Recorder()
    recorder.begin({ ...init, self }, journal, file)
    const core = createCore({ ...init, self, seal: recorder.watch(seal), journal })
    const effects: Effect[][] = []
    script.forEach((event, i) => {
      recorder.onEvent(event, 1_700_000_000_000 + 10 * i, 0)
      effects.push(core.step(event, 1_700_000_000_000 + 10 * i))
      recorder.onStepped()
    })
    recorder.close()

    const frames = framesOf(file)
    const [first] = frames
    assert.is(first?.type, 'init')
    if (first?.type !== 'init') return
    assert.is(first.complete, true)
    const steps = frames.filter((frame) => frame.type === 'step')
    const again = createCore({
      ...first,
      seal: recordedSeal(
        seal,
        steps.flatMap(({ signatures }) => signatures),
      ),
      journal: frames.flatMap((frame) => (frame.type === 'journal' ? frame.writes : [])),
    })
    assert.is(steps.length, script.length)
    assert.ok(steps.some(({ signatures }) => signatures.length > 0))
    assert.equal(
      steps.map(({ event, now }) => again.step(event, now)),
      effects,
    )
  }),
)

recording('what is kept for a crash is bounded, and has the last step', () =>
  inFolder(async (folder) => {
    const recorder = new Recorder()
    recorder.begin({ ...init, self: 'm' }, [])
    for (let now = 1; now <= limits.recordedSteps + 10; now++)
      recorder.onEvent({ type: 'tick' }, now, 0)
    const file = join(folder, 'flight', 'crash.record')
    recorder.dump(file)
    const frames = framesOf(file)
    assert.is(frames.length, limits.recordedSteps + 1)
    const last = frames.at(-1)
    assert.is(last?.type === 'step' && last.now, limits.recordedSteps + 10)
    assert.is(frames[0]?.type === 'init' && frames[0].complete, false)
  }),
)

recording('large messages leave room for few', () =>
  inFolder(async (folder) => {
    const recorder = new Recorder()
    for (let now = 1; now <= 100; now++)
      recorder.onEvent({ type: 'tick' }, now, limits.recordedBytes / 10)
    recorder.dump(join(folder, 'r'))
    assert.is(framesOf(join(folder, 'r')).length, 10)
  }),
)

recording('a value without a canonical form does not keep the record from being written', () =>
  inFolder(async (folder) => {
    const recorder = new Recorder()
    const command = { type: 'submit-job', spec: { id: Number.NaN, x: undefined } }
    const event = { type: 'request-received', request: 1, command } as unknown as Event
    recorder.onEvent(event, 1, 0)
    recorder.dump(join(folder, 'r'))
    assert.is(framesOf(join(folder, 'r')).length, 1)
  }),
)

recording('a torn record is read up to the tear', () => {
  const frame: Frame = { type: 'step', now: 1, event: { type: 'tick' }, signatures: [] }
  const bytes = encodeFrame(frame)
  for (let cut = 0; cut < bytes.length; cut++) {
    const torn = new Uint8Array([...bytes, ...bytes.slice(0, cut)])
    assert.equal([...readFrames(torn)], [frame])
  }
})

recording.run()
