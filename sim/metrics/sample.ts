/**
 * What is looked at on a timer: levels and flows of the whole cluster. How far members agree is asked of some of
 * them, evenly spread, because it is a question per pair.
 */
import { witnesses } from '../checker/convergence.ts'
import type { Host } from '../host.ts'
import type { Simulator } from '../simulator.ts'
import type { Ledger } from '../workload/ledger.ts'
import { type SeriesKind, TimeSeries } from './series.ts'

export const sampleUs = 250_000

const kinds = {
  up: 'level',
  /** Of the members asked: those that see alive exactly as many as there are. */
  sighted: 'level',
  /** Of the members asked: those that hold the state that most of them hold. */
  agreed: 'level',
  running: 'level',
  tasks: 'level',
  cpu: 'level',
  memory: 'level',
  gpu: 'level',
  messages: 'flow',
  bytes: 'flow',
  events: 'flow',
} as const satisfies { readonly [name: string]: SeriesKind }
export type SeriesName = keyof typeof kinds

/** Lookups of one sample: 8 to 64 members, each asked about all. */
const lookupsMax = 200_000

export class Sampler {
  readonly series = new TimeSeries(sampleUs, kinds)
  /** Of the wanted slots, in millionths: the least after the first time that all ran. */
  runningLeastPpm: number | undefined
  readonly most = { cpu: 0, memory: 0, gpu: 0 }
  readonly #simulator: Simulator
  readonly #ledger: Ledger
  readonly #before = { messages: 0, bytes: 0, events: 0 }
  #hasRunAll = false

  constructor(simulator: Simulator, ledger: Ledger) {
    this.#simulator = simulator
    this.#ledger = ledger
  }

  take(): void {
    const { hosts, metrics, network, events } = this.#simulator
    const up = hosts.filter((host) => host.isUp)
    const asked = witnesses(up, Math.min(64, Math.max(8, Math.floor(lookupsMax / hosts.length))))
    const runningPpm = this.runningPpm()
    this.#noteLeast(runningPpm)
    const shares = this.#shares(metrics.running)
    this.series.add([
      up.length,
      shareOf(asked, (host) => host.core.view().counts().members.alive === up.length),
      agreement(asked),
      runningPpm,
      metrics.running.tasks,
      shares.cpu,
      shares.memory,
      shares.gpu,
      this.#flow('messages', network.counts.sent),
      this.#flow('bytes', network.counts.bytes + metrics.bytesWeighed),
      this.#flow('events', events),
    ])
  }

  /** Slots of services that users were told are taken and that run, in millionths. */
  runningPpm(): number {
    const { runningOfJob } = this.#simulator.metrics
    let wanted = 0
    let running = 0
    for (const [job, count] of this.#ledger.wanted) {
      wanted += count
      running += Math.min(count, runningOfJob.get(job) ?? 0)
    }
    return wanted === 0 ? 1_000_000 : Math.floor((running * 1_000_000) / wanted)
  }

  #noteLeast(ppm: number): void {
    if (this.#ledger.wanted.size === 0) return
    if (ppm === 1_000_000) this.#hasRunAll = true
    if (this.#hasRunAll) this.runningLeastPpm = Math.min(ppm, this.runningLeastPpm ?? 1_000_000)
  }

  /** Of what the hosts have that are there, also those that are down. */
  #shares(running: { readonly cpu: number; readonly memory: number; readonly gpu: number }) {
    const room = { cpu: 0, memory: 0, gpu: 0 }
    for (const { capacity, isDestroyed } of this.#simulator.hosts) {
      if (isDestroyed) continue
      room.cpu += capacity.cpu
      room.memory += capacity.memory
      room.gpu += capacity.gpu
    }
    const ppm = (name: 'cpu' | 'memory' | 'gpu') => {
      const share = room[name] === 0 ? 0 : Math.floor((running[name] * 1_000_000) / room[name])
      this.most[name] = Math.max(this.most[name], share)
      return share
    }
    return { cpu: ppm('cpu'), memory: ppm('memory'), gpu: ppm('gpu') }
  }

  #flow(name: 'messages' | 'bytes' | 'events', total: number): number {
    const since = total - this.#before[name]
    this.#before[name] = total
    return since
  }
}

function shareOf(hosts: readonly Host[], holds: (host: Host) => boolean): number {
  if (hosts.length === 0) return 0
  return Math.floor((hosts.filter(holds).length * 1_000_000) / hosts.length)
}

function agreement(hosts: readonly Host[]): number {
  const holders = new Map<string, number>()
  for (const host of hosts) {
    const digest = host.core.view().digest()
    holders.set(digest, (holders.get(digest) ?? 0) + 1)
  }
  const most = Math.max(0, ...holders.values())
  return hosts.length === 0 ? 0 : Math.floor((most * 1_000_000) / hosts.length)
}
