import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadIdentity } from '../../node/identity.ts'
import { Recorder } from '../../node/recorder.ts'
import { defaultConfig } from '../../protocol/config.ts'
import { createCore } from '../../protocol/core.ts'
import type { StoreWrite } from '../../protocol/effect.ts'
import type { Event } from '../../protocol/event.ts'
import { encodeFrame, type Frame, readFrames } from '../../protocol/flight-record.ts'
import { limits } from '../../protocol/limits.ts'
import type { NodeBody } from '../../protocol/placement/node-body.ts'
import { replay } from '../../sim/replay/replay.ts'

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
const init = { config: defaultConfig, seed: 7, node } as const

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

/** A life by the script, on record; as if the agent had ended without a word where it is not closed. */
async function recordLife(folder: string, events: readonly Event[] = script): Promise<string> {
  const { self, seal } = await loadIdentity(folder)
  const file = join(folder, 'life.record')
  const journal: StoreWrite[] = [{ key: 'self/epoch', value: 4 }]
  const recorder = new Recorder()
  recorder.begin({ ...init, self }, journal, file)
  const core = createCore({ ...init, self, seal: recorder.watch(seal), journal })
  events.forEach((event, i) => {
    recorder.onEvent(event, 1_700_000_000_000 + 10 * i, 0)
    recorder.onStepped(core.step(event, 1_700_000_000_000 + 10 * i))
  })
  recorder.close()
  return file
}

recording('a record of the whole life replays to the same effects', () =>
  inFolder(async (folder) => {
    const file = await recordLife(folder)
    const { outcome, steps, compared } = replay(framesOf(file))
    assert.equal([outcome, steps, compared], [{ type: 'same' }, script.length, script.length])
    const signed = framesOf(file).filter((frame) => frame.type === 'step')
    assert.ok(signed.some(({ signatures }) => signatures.length > 0))
  }),
)

recording('a signature that was wrong is wrong again, without anybody’s key', () =>
  inFolder(async (folder) => {
    const told = {
      author: 'm',
      sequence: 1,
      updates: [{ member: 'x', incarnation: 1, state: 'alive' as const }],
    }
    const broadcast = { ...told, records: [], signature: new Uint8Array(64) }
    const wrong: Event = { type: 'broadcast-received', broadcast }
    const frames = framesOf(await recordLife(folder, [...script, wrong]))
    const last = frames.at(-1)
    assert.is(last?.type === 'step' && last.forged?.length, 1)
    assert.equal(replay(frames).outcome, { type: 'same' })
    const believed = frames.map((frame) => (frame === last ? { ...last, forged: [] } : frame))
    assert.is(replay(believed as Frame[]).outcome.type, 'different')
  }),
)

recording('of a young agent that breaks, the steps from memory run again up to the bug', () =>
  inFolder(async (folder) => {
    const recorder = new Recorder()
    recorder.begin({ ...init, self: 'm' }, [{ key: 'self/epoch', value: 4 }])
    for (const event of [...script, { type: 'nonsense' } as never])
      recorder.onEvent(event, 1_700_000_000_000, 0)
    recorder.close()
    recorder.dump(join(folder, 'crash.record'))
    const { outcome, steps } = replay(framesOf(join(folder, 'crash.record')))
    assert.is(steps, script.length + 1)
    assert.is(outcome.type === 'broke' && outcome.isKnown, true)
    assert.match(outcome.type === 'broke' ? outcome.error : '', /InvariantError: unreachable/)
  }),
)

recording('a record that is as large as it may be ends and says so', () =>
  inFolder(async (folder) => {
    const recorder = new Recorder({ fileBytesMax: 5000 })
    const file = join(folder, 'r')
    recorder.begin({ ...init, self: 'm' }, [], file)
    for (let now = 1; now <= 100; now++) {
      recorder.onEvent({ type: 'tick' }, now, 0)
      recorder.onStepped([])
    }
    recorder.close()
    const frames = framesOf(file)
    assert.is(frames.at(-1)?.type, 'full')
    assert.ok(statSync(file).size < 5200 && frames.length > 20)
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
  const frame: Frame = {
    type: 'step',
    now: 1,
    event: { type: 'tick' },
    signatures: [],
    effects: [],
  }
  const bytes = encodeFrame(frame)
  for (let cut = 0; cut < bytes.length; cut++) {
    const torn = new Uint8Array([...bytes, ...bytes.slice(0, cut)])
    assert.equal([...readFrames(torn)], [frame])
  }
})

recording.run()
