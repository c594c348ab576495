/** `starling sim --from SNAPSHOT`: what would become of a real cluster, told as a table or as JSON. */
import { ActRefused } from '../what-if/act.ts'
import { predict } from '../what-if/predict.ts'
import { readSnapshot } from '../what-if/snapshot-file.ts'
import { predictionTable } from '../what-if/table.ts'
import { checkActs, parseAct } from './acts.ts'
import type { Flags } from './flags.ts'
import { UsageError } from './usage.ts'

export function whatIfCommand(flags: Flags): number {
  const { from: file = '', acts: words, seed, seconds, json } = flags
  if (flags.words.length > 0) throw new UsageError(`there is no command ${flags.words[0]}`)
  const snapshot = readSnapshot(file)
  const acts = words.map(parseAct)
  checkActs(acts, snapshot, file)
  const restMs = seconds === undefined ? undefined : seconds * 1000
  try {
    const prediction = predict(snapshot, acts, { file, seed, restMs })
    process.stdout.write(
      json ? `${JSON.stringify(prediction, null, 2)}\n` : predictionTable(prediction),
    )
    return 0
  } catch (error) {
    if (!(error instanceof ActRefused)) throw error
    process.stderr.write(`starling sim: ${error.message}\n`)
    return 1
  }
}
