/** A run as its report: what was measured, what was expected, what was promised. Also of a run that was cut short. */
import { conditions } from '../metrics/metrics.ts'
import { type Expectation, judge, parseExpectation } from '../scenario/expectation.ts'
import { type Measured, measureNames } from '../scenario/measure.ts'
import type { Run } from '../scenario.ts'
import {
  type Report,
  type ReportedDeath,
  type ReportedExpectation,
  type ReportedMap,
  type ReportedPromise,
  reportFormat,
} from './report.ts'

/** Findings of one promise, and deaths with a line of their own: more than a person reads. */
const findingsMax = 20
const deathsMax = 1000

export interface Circumstances {
  readonly command: string
  readonly wallMs: number
  readonly credit: string | null
}

export function summarise(run: Run, { command, wallMs, credit }: Circumstances): Report {
  const { scenario, simulator, nemesis } = run
  const { metrics } = simulator
  const outcome = run.outcome()
  const measured = measure(run)
  const expectations = judged(scenario.expect, measured)
  const promises = promisesOf(run)
  const isSound =
    (outcome.idle.length === 0 || scenario.idleKnobs === 'tell') &&
    expectations.every(({ passed }) => passed) &&
    promises.every(({ state }) => state === 'kept')
  return {
    format: reportFormat,
    command,
    scenario,
    credit,
    verdict: run.phase !== 'over' ? 'interrupted' : isSound ? 'passed' : 'failed',
    simulatedUs: simulator.nowUs,
    wallMs: Math.round(wallMs),
    events: simulator.events,
    traceHash: outcome.traceHash,
    phases: { bootUs: run.bootUs ?? null, healedUs: run.healedUs ?? null },
    measured: Object.fromEntries(
      measureNames.map((name) => [name, measured[name] ?? null]),
    ) as Report['measured'],
    expectations,
    promises,
    idle: outcome.idle,
    faults: nemesis.tallies.map((tally) => ({ ...tally })),
    network: { ...simulator.network.counts, ...gossipCounts(run) },
    series: seriesOf(run),
    histograms: {
      detection: metrics.deaths.detection.filled(),
      delivery: metrics.delivery.filled(),
      placement: metrics.placement.filled(),
    },
    deaths: deathsOf(run),
    map: mapOf(run),
  }
}

function seriesOf({ sampler: { series } }: Run): Report['series'] {
  const values = series.names.map((name) => [name, series.values(name)] as const)
  return { binUs: series.binUs, values: Object.fromEntries(values) }
}

function judged(lines: readonly string[], measured: Measured): ReportedExpectation[] {
  return lines
    .map(parseExpectation)
    .filter((each): each is Expectation => !('reason' in each))
    .map((each) => {
      const { measured: value, ...rest } = judge(each, measured)
      return { ...rest, measured: value ?? null }
    })
}

export function measure(run: Run): Measured {
  const { simulator, sampler, workload, scenario } = run
  const { metrics, network, nowUs, hosts } = simulator
  const { copies, delivered } = simulator.gossip.counts
  const { detection, falseDeaths, all, dropped } = metrics.deaths
  const memberSeconds = Math.max(1, (hosts.length * nowUs) / 1_000_000)
  const wantsWork = scenario.workload.length > 0 || workload.ledger.wanted.size > 0
  return {
    boot: run.bootUs,
    converged: run.convergedUs,
    deaths: all.length + dropped,
    'detection.p50': detection.quantile(500_000),
    'detection.p99': detection.quantile(990_000),
    'detection.max': detection.quantile(1_000_000),
    falseDeaths,
    'delivery.p50': metrics.delivery.quantile(500_000),
    'delivery.p99': metrics.delivery.quantile(990_000),
    'delivery.max': metrics.delivery.quantile(1_000_000),
    'placement.p50': metrics.placement.quantile(500_000),
    'placement.p99': metrics.placement.quantile(990_000),
    running: wantsWork ? runningPpm(run) : undefined,
    'running.least': sampler.runningLeastPpm,
    acknowledged: workload.ledger.acknowledged.length,
    refused: workload.ledger.refused,
    starts: metrics.starts.tasks,
    moves: metrics.starts.moved,
    copies: delivered === 0 ? undefined : copies / delivered,
    messages: network.counts.sent / memberSeconds,
    bytes: (network.counts.bytes + metrics.bytesWeighed) / memberSeconds,
    'utilisation.cpu': sampler.most.cpu,
    'utilisation.memory': sampler.most.memory,
    'utilisation.gpu': sampler.most.gpu,
  }
}

/** Of what the cluster holds to be wanted: users whose edits met know only what they were told. */
function runningPpm({ simulator }: Run): number {
  const { runningOfJob } = simulator.metrics
  const witness = simulator.up()[0]
  let wanted = 0
  let running = 0
  for (const { id, count, spec } of witness?.core.view().jobs() ?? []) {
    if (spec.type !== 'service') continue
    wanted += count
    running += Math.min(count, runningOfJob.get(id) ?? 0)
  }
  return wanted === 0 ? 1_000_000 : Math.floor((running * 1_000_000) / wanted)
}

function gossipCounts({ simulator: { gossip } }: Run): { [name: string]: number } {
  const { published, delivered, copies, ihave, iwant } = gossip.counts
  return {
    'gossip published': published,
    'gossip delivered': delivered,
    'gossip copies': copies,
    'gossip IHAVE': ihave,
    'gossip IWANT': iwant,
  }
}

/** The violations by promise; who sees whom is told beside them, as it is what the others stand on. */
function promisesOf({ scenario, violations, phase }: Run): ReportedPromise[] {
  const names = ['members', ...scenario.promises]
  const nameOf = (text: string) => names.find((name) => text.startsWith(name)) ?? 'members'
  return names.map((name) => {
    const findings = violations.filter((text) => nameOf(text) === name)
    const isOpen = phase !== 'over' && name !== 'S1'
    const state = findings.length > 0 ? 'broken' : isOpen ? 'open' : 'kept'
    return { name, state, findings: findings.slice(0, findingsMax) }
  })
}

function deathsOf({ simulator }: Run): ReportedDeath[] {
  return simulator.metrics.deaths.all.slice(0, deathsMax).map((death) => ({
    host: simulator.hosts[death.host]!.name,
    atUs: death.atUs,
    firstKnewUs: death.firstKnewUs === undefined ? null : death.firstKnewUs - death.atUs,
    lastKnewUs: death.lastKnewUs === undefined ? null : death.lastKnewUs - death.atUs,
    knew: death.knew,
    others: death.others,
  }))
}

function mapOf({ topology, simulator }: Run): ReportedMap {
  const regionOf = (name: string) => topology.regions.findIndex((region) => region.name === name)
  const hostsOfRack: number[][] = topology.rackNames.map(() => [])
  for (const { index } of simulator.hosts) hostsOfRack[topology.rackOf(index)]!.push(index)
  const racks = topology.rackNames.map((name, rack) => ({
    name,
    region: topology.regions[topology.regionOfRack[rack]!]!.name,
    hosts: hostsOfRack[rack]!,
  }))
  racks.sort((a, b) => regionOf(a.region) - regionOf(b.region))
  return { racks, conditions, marks: simulator.metrics.marks }
}
