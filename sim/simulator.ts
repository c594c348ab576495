/**
 * The loop: the earliest pending event happens, time jumps to it, and what it causes is pending in turn. A run
 * is a pure function of its options: the same seed gives the same trace, hashed as it happens.
 */
import { hashText, hex32, mix32 } from '../protocol/base/hash.ts'
import type { MemberId } from '../protocol/base/id.ts'
import { Random } from '../protocol/base/random.ts'
import { type Config, defaultConfig } from '../protocol/config.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import { Host } from './host.ts'
import { Links } from './links.ts'
import { Metrics } from './metrics/metrics.ts'
import { Network, type NetworkKnobs } from './network.ts'
import { type EventQueue, HeapQueue, type Kind, kinds } from './queue.ts'

export interface SimulatorOptions {
  readonly seed: number
  readonly members: number
  readonly config?: Partial<Config>
  readonly network?: Partial<NetworkKnobs>
  /** Encode and decode every message, as on a wire; left out, values are shared. */
  readonly encode?: boolean
  /** Each host's clock is off by up to this much. */
  readonly clockSkewMs?: number
  readonly capacity?: (host: number) => Resources
  /** Called with each line of the trace, to find where two runs part. */
  readonly trace?: (line: string) => void
}

const usualNetwork: NetworkKnobs = {
  latencyMinUs: 200,
  latencyMaxUs: 5000,
  lossPermille: 0,
  duplicatePermille: 0,
}

/** Virtual Unix time at the start, so that stamps look like stamps. */
export const epochMs = 1_700_000_000_000

export class Simulator {
  readonly options: SimulatorOptions
  readonly config: Config
  readonly network: Network
  readonly links: Links
  readonly hosts: Host[] = []
  readonly byId = new Map<MemberId, Host>()
  readonly random: Random
  readonly metrics = new Metrics()
  /** Microseconds since the start. */
  nowUs = 0
  events = 0
  readonly #queue: EventQueue = new HeapQueue()
  readonly #sequences: number[] = []
  #hashHigh = 0x9e3779b9
  #hashLow = 0x85ebca6b

  constructor(options: SimulatorOptions) {
    this.options = options
    this.config = { ...defaultConfig, ...options.config }
    this.random = new Random(options.seed)
    const knobs = { ...usualNetwork, ...options.network }
    this.network = new Network(knobs, new Random(this.random.uint32()))
    this.links = new Links(this)
    for (let i = 0; i < options.members; i++) this.addHost()
  }

  addHost(): Host {
    const skew = this.options.clockSkewMs ?? 0
    const host = new Host(this, {
      index: this.hosts.length,
      random: new Random(this.random.uint32()),
      skewMs: this.random.below(2 * skew + 1) - skew,
      capacity: this.options.capacity?.(this.hosts.length) ?? usualCapacity,
    })
    this.hosts.push(host)
    this.byId.set(host.id, host)
    return host
  }

  schedule(
    delayUs: number,
    kind: Kind,
    { destination, source }: { destination: number; source: number },
    run: () => void,
  ): void {
    const sequence = (this.#sequences[source + 1] ?? 0) + 1
    this.#sequences[source + 1] = sequence
    const at = this.nowUs + delayUs
    this.#queue.push({ at, kind: kinds.indexOf(kind), destination, source, sequence, run })
  }

  /** Lets `durationUs` of virtual time pass. */
  run(durationUs: number): void {
    const end = this.nowUs + durationUs
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (next.at > end) break
      this.#queue.pop()
      this.nowUs = next.at
      this.events++
      next.run()
    }
    this.nowUs = end
  }

  /** Until the condition holds, looked at every `everyUs`; false when it never did within `withinUs`. */
  runUntil(condition: () => boolean, withinUs: number, everyUs = 250_000): boolean {
    const end = this.nowUs + withinUs
    while (!condition()) {
      if (this.nowUs >= end) return false
      this.run(Math.min(everyUs, end - this.nowUs))
    }
    return true
  }

  /** A line of the trace: what happened where. */
  record(host: number, text: string): void {
    const line = `${this.nowUs} ${host} ${text}`
    this.options.trace?.(line)
    const hash = hashText(line)
    this.#hashHigh = mix32(this.#hashHigh ^ hash)
    this.#hashLow = (Math.imul(this.#hashLow, 31) + hash) | 0
  }

  traceHash(): string {
    return hex32(this.#hashHigh) + hex32(this.#hashLow)
  }

  /** Hosts whose agent runs. */
  up(): Host[] {
    return this.hosts.filter((host) => host.isUp)
  }
}

const usualCapacity: Resources = { cpu: 4000, memory: 8192, disk: 100_000, gpu: 0 }
