/**
 * One measured run of the simulator, in a process of its own, so that its memory is its own: a warm start, some
 * seconds to settle, then the seconds that are measured. Prints one line of JSON.
 */
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../../protocol/base/random.ts'
import { startAsleep } from '../../sim/asleep.ts'
import { Simulator } from '../../sim/simulator.ts'
import { startWarm } from '../../sim/warm-start.ts'
import { placedCluster } from './placed-cluster.ts'

const second = 1_000_000

/** What the set-up leaves is for it to clean up: a second's work, which would fall somewhere into what is measured. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

const { values } = parseArgs({
  options: {
    members: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Members that know each other; left out, all. */
    cell: { type: 'string' },
    /** `asleep`: members have a core once something happens to them. */
    start: { type: 'string', default: 'warm' },
    crashesPerMinute: { type: 'string', default: '0' },
    lossPermille: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '0' },
  },
})
const members = Number(values.members)
const seconds = Number(values.seconds)
const jobs = Number(values.jobs)
const crashesPerMinute = Number(values.crashesPerMinute)

const startedAt = performance.now()
const network = { lossPermille: Number(values.lossPermille) }
const seed = Number(values.seed)
const simulator =
  jobs > 0
    ? placedCluster({ members, jobs, seed, network })
    : new Simulator({ seed, members, network })
const begin = values.start === 'asleep' ? startAsleep : startWarm
if (jobs === 0) begin(simulator, values.cell === undefined ? members : Number(values.cell))
// Links are open after two seconds, and each neighbour has been probed after ten.
simulator.run((jobs > 0 ? 30 : 12) * second)
const random = new Random(7)
collectGarbage()
const setUpMs = performance.now() - startedAt
const before = { running: simulator.metrics.running.tasks, events: simulator.events }
const measuredAt = performance.now()
const crashes = Math.round((crashesPerMinute * seconds) / 60)
for (let i = 0; i < crashes; i++) {
  simulator.run((seconds * second) / crashes)
  random.pick(simulator.up())?.powerOff()
}
if (crashes === 0) simulator.run(seconds * second)
const wallMs = performance.now() - measuredAt
const { falseDeaths } = simulator.metrics.deaths
const figures = {
  members,
  seconds,
  setUpMs,
  wallMs,
  timesRealTime: (seconds * 1000) / wallMs,
  events: simulator.events - before.events,
  running: before.running,
  crashes,
  falseDeaths,
  asleep: simulator.hosts.filter((host) => host.isAsleep).length,
  mebibytes: process.resourceUsage().maxRSS / 1024,
  traceHash: simulator.traceHash(),
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
