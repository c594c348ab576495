/** `starling sim --from SNAPSHOT`: what would become of a real cluster, told as a table or as JSON. */
import { clamp } from '../../protocol/base/integer.ts'
import type { Snapshot } from '../../protocol/snapshot.ts'
import type { FlightRecorder } from '../flight-recorder.ts'
import { type Act, ActRefused } from '../what-if/act.ts'
import { forecast } from '../what-if/forecast.ts'
import { PredictionBroke, predict } from '../what-if/predict.ts'
import { readSnapshot } from '../what-if/snapshot-file.ts'
import { forecastTable } from '../what-if/table.ts'
import { checkActs, parseAct } from './acts.ts'
import { type BreakContext, brokenRun } from './broken.ts'
import type { Flags } from './flags.ts'
import { UsageError } from './usage.ts'

export function whatIfCommand(flags: Flags): number {
  const { from: file = '', acts: words, seed, seedsGiven, seconds, json } = flags
  if (flags.words.length > 0) throw new UsageError(`there is no command ${flags.words[0]}`)
  const snapshot = readSnapshot(file)
  const acts = words.map(parseAct)
  checkActs(acts, snapshot, file)
  const restMs = seconds === undefined ? undefined : seconds * 1000
  const runs = seedsGiven ?? usualRuns(snapshot.nodes.length)
  try {
    const foreseen = forecast(snapshot, acts, { file, seed, restMs, runs, onRun: progress(runs) })
    process.stdout.write(json ? `${JSON.stringify(foreseen, null, 2)}\n` : forecastTable(foreseen))
    return 0
  } catch (error) {
    if (error instanceof PredictionBroke)
      throw brokenRun(error.found, contextOf(error.seed, flags, { snapshot, acts }))
    if (!(error instanceof ActRefused)) throw error
    process.stderr.write(`starling sim: ${error.message}\n`)
    return 1
  }
}

function contextOf(
  seed: number,
  { from: file = '', acts: words }: Flags,
  { snapshot, acts }: { snapshot: Snapshot; acts: readonly Act[] },
): BreakContext {
  const given = words.map(({ name, value }) => `--${name} ${value}`)
  const again = (host: number, recorder: FlightRecorder) => {
    try {
      predict(snapshot, acts, { file, seed, recorders: new Map([[host, recorder]]) })
    } catch (error) {
      if (!(error instanceof PredictionBroke)) throw error
    }
  }
  const parts = ['starling sim', `--from ${file}`, ...given, `--seed ${seed} --seeds 1`]
  return { again, command: parts.join(' '), seed, folder: '.' }
}

/** Some seconds of work: fifteen runs of up to forty nodes, one of six hundred. */
const nodeRuns = 600
const runsMax = 15

function usualRuns(nodes: number): number {
  return clamp(Math.floor(nodeRuns / nodes), 1, runsMax)
}

/** Where somebody watches. */
function progress(runs: number): (done: number) => void {
  const { stderr } = process
  return (done) => {
    if (!stderr.isTTY || runs === 1) return
    stderr.write(done < runs ? `\rrun ${done} of ${runs}` : '\r\x1b[K')
  }
}
