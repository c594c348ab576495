/** `scripts/bench`: measures what the README promises, prints a table, and writes JSON beside it. */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { sparseMesh } from '../protocol/membership/gossip-mesh.ts'
import { BrokenTrace } from '../sim/trace/broken-trace.ts'
import { benchAntiEntropy } from './benchmark/antientropy.ts'
import { benchCalm } from './benchmark/calm.ts'
import { benchDeath } from './benchmark/death.ts'
import { benchDetection, detectionPlans } from './benchmark/detection.ts'
import { benchDissemination } from './benchmark/dissemination.ts'
import { type Figure, table } from './benchmark/figure.ts'
import { benchIdle } from './benchmark/idle.ts'
import { benchPlacement } from './benchmark/placement.ts'
import { benchQueue } from './benchmark/queue.ts'
import { benchSim, simTargets } from './benchmark/sim.ts'
import { benchStart } from './benchmark/start.ts'
import { benchSubmit } from './benchmark/submit.ts'
import { benchTrace } from './benchmark/trace.ts'
import { commandLine, wrongUsage } from './command-line.ts'

const usage = `usage: scripts/bench [parts] [--json FILE] [--quick] [--trace DIR]
parts: submit start idle death calm, of real agents;
  placement trace detection dissemination antientropy, in the simulator (trace needs the folder of the GPU trace);
  queue sim-10k sim-10k-churn sim-100k sim-1m, the simulator's own speed.
All of them when none is named (about an hour)
`

const { values, positionals } = commandLine(usage, {
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    trace: { type: 'string' },
  },
})
const quick = values.quick
const parts: { [name: string]: () => Promise<Figure[]> | Figure[] } = {
  submit: () => benchSubmit(quick ? 1000 : 10_000),
  start: () => benchStart(quick ? 10 : 30),
  idle: () => benchIdle(20, quick ? 20 : 60),
  death: async () => {
    const figures: Figure[] = []
    for (const agents of quick ? [5] : [5, 20, 50])
      figures.push(...(await benchDeath(agents, quick ? 3 : 10)))
    return figures
  },
  calm: () => benchCalm(quick ? 20 : 50, quick ? 30 : 600, quick ? 30 : 120),
  queue: () => benchQueue(quick ? [10_000] : [10_000, 100_000, 1_000_000, 10_000_000]),
  placement: () => benchPlacement(quick ? 1000 : 10_000),
  trace: () => (values.trace === undefined ? [] : benchTrace(values.trace, quick ? 1 : 5)),
  detection: () => benchDetection(detectionPlans(quick)),
  dissemination: () => [
    ...benchDissemination(quick ? 1000 : 10_000, 250, 5),
    ...(quick ? [] : benchDissemination(10_000, 250, 5, sparseMesh)),
    ...(quick ? [] : benchDissemination(100_000, 300, 3)),
  ],
  antientropy: () => benchAntiEntropy(100_000),
}
for (const [name, target] of Object.entries(simTargets))
  parts[name] = () => benchSim(target, quick ? 1 : target.runs)

async function measure(name: string): Promise<Figure[]> {
  try {
    return await parts[name]!()
  } catch (error) {
    if (!(error instanceof BrokenTrace)) throw error
    process.stderr.write(`${error.message}\n`)
    return process.exit(2)
  }
}

const unknown = positionals.filter((name) => parts[name] === undefined)
if (unknown.length > 0) wrongUsage(usage, `there is no part ${unknown.join(', ')}`)
if (positionals.includes('trace') && values.trace === undefined)
  wrongUsage(usage, 'trace: give its folder with --trace')
const figures: Figure[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const measured = await measure(name)
  figures.push(...measured)
  process.stdout.write(`${table(measured)}\n`)
}
const machine = { cores: cpus().length, memoryGiB: totalmem() / 2 ** 30, load: loadavg()[0] }
const file = values.json ?? 'bench.json'
writeFileSync(file, `${JSON.stringify({ node: process.version, machine, figures }, null, 2)}\n`)
process.stdout.write(`written to ${file}\n`)
