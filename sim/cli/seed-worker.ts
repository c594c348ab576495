/** A thread that runs the seeds that it is given, one after the other (seed-pool.ts). */
import { parentPort, workerData } from 'node:worker_threads'
import { breakIn } from '../broken-run.ts'
import { summarise } from '../report/summary.ts'
import type { Flags } from './flags.ts'
import { recordedCluster } from './recorded.ts'
import { commandOf, runOf } from './seed-run.ts'

const flags = workerData as Flags
const recorded = recordedCluster(flags)

parentPort!.on('message', (seed: number) => {
  const startedAt = performance.now()
  const run = runOf(flags, seed, { recorded })
  const found = breakIn(run)
  if (found !== undefined) return parentPort!.postMessage({ seed, found })
  const report = summarise(run, {
    command: commandOf(flags, seed),
    wallMs: performance.now() - startedAt,
    credit: recorded?.credit ?? null,
  })
  parentPort!.postMessage({ seed, report })
})
