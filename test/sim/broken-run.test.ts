/** A core that breaks in a run: whose it was is told, and its record breaks again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { invariant } from '../../protocol/base/invariant.ts'
import type { Event } from '../../protocol/event.ts'
import { readFrames } from '../../protocol/flight-record.ts'
import { breakAgain, breakIn } from '../../sim/broken-run.ts'
import { type BreakContext, brokenRun } from '../../sim/cli/broken.ts'
import { FlightRecorder } from '../../sim/flight-recorder.ts'
import { replay } from '../../sim/replay/replay.ts'
import { drawScenario, Run } from '../../sim/scenario.ts'
import { PredictionBroke, predict } from '../../sim/what-if/predict.ts'
import { parseSnapshot } from '../../sim/what-if/snapshot-file.ts'
import { job, madeSnapshot } from './what-if/made.ts'

const broken = suite('sim/broken-run')
const second = 1_000_000
let folder = ''

broken.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-broken-'))
})
broken.after(() => rmSync(folder, { recursive: true, force: true }))

/** After three seconds a driver tells n2 of something that there is not: a bug of ours. */
function buggyRun(start: 'cold' | 'warm'): Run {
  const scenario = { ...drawScenario(4, { membersMin: 6, membersMax: 6 }), faults: [], start }
  const run = new Run(scenario)
  const place = { destination: 2, source: 2 }
  const tell = () => run.simulator.hosts[2]!.receive({ type: 'nonsense' } as never)
  run.simulator.schedule(3 * second, 'fault', place, tell)
  return run
}

broken('it is told whose, in which step, how to have it again, and where the record is', () => {
  const found = breakIn(buggyRun('cold'))!
  assert.equal([found.member, found.host, found.atUs], ['n2', 2, 3 * second])
  assert.match(found.reason, /^unreachable: .*nonsense/)
  const command = 'starling sim --seed 4'
  const again: BreakContext['again'] = (...which) => breakAgain(buggyRun('cold'), ...which)
  const { message } = brokenRun(found, { again, command, seed: 4, folder })
  const file = join(folder, 'n2-seed-4.record')
  assert.equal(message.split('\n'), [
    `seed 4: a bug in Starling: step ${found.step} of n2, at 3 s, broke: ${found.reason}`,
    `  again:  ${command}`,
    `  record: ${file} (starling replay ${file})`,
  ])
  const { outcome, steps } = replay(readFrames(new Uint8Array(readFileSync(file))))
  assert.equal([outcome.type, steps], ['broke', found.step])
  assert.is(outcome.type === 'broke' && outcome.isKnown, true)
})

broken('of a warm start the record has the steps, and cannot be run', () => {
  const found = breakIn(buggyRun('warm'))!
  const again: BreakContext['again'] = (...which) => breakAgain(buggyRun('warm'), ...which)
  brokenRun(found, { again, command: '', seed: 5, folder })
  const frames = [...readFrames(new Uint8Array(readFileSync(join(folder, 'n2-seed-5.record'))))]
  assert.equal(replay(frames).outcome, { type: 'headless' })
  assert.is(frames.filter(({ type }) => type === 'step').length, found.step)
})

/** A core that breaks in its twentieth step, as far as the simulator can tell. */
class Saboteur extends FlightRecorder {
  #steps = 0

  override onEvent(event: Event, now: number): void {
    super.onEvent(event, now)
    invariant(++this.#steps < 20, 'fewer than twenty')
  }
}

broken('in a what-if it is told as well', () => {
  const snapshot = parseSnapshot(madeSnapshot({ jobs: [job('web', 2)] }), 'x')
  const recorders = new Map([[3, new Saboteur(join(folder, 'saboteur'))]])
  try {
    predict(snapshot, [], { file: 'x', seed: 9, recorders })
    assert.unreachable()
  } catch (error) {
    assert.instance(error, PredictionBroke)
    const { member, step, reason } = (error as PredictionBroke).found
    assert.equal([member, step, reason], ['n3', 20, 'fewer than twenty'])
  }
})

broken('a bug outside the cores is no core’s', () => {
  const run = new Run({ ...drawScenario(4), faults: [] })
  const fail = () => {
    throw new Error('elsewhere')
  }
  run.simulator.schedule(second, 'fault', { destination: 0, source: 0 }, fail)
  assert.throws(() => breakIn(run), /elsewhere/)
})

broken.run()
