/**
 * The loop: the earliest pending event happens, time jumps to it, and what it causes is pending in turn. A run
 * is a pure function of its options: the same seed gives the same trace, hashed as it happens.
 */
import { hashText } from '../protocol/base/hash.ts'
import type { MemberId } from '../protocol/base/id.ts'
import { Random } from '../protocol/base/random.ts'
import { type Config, defaultConfig } from '../protocol/config.ts'
import { DeathBoard } from '../protocol/death-board.ts'
import type { Effect, Notification } from '../protocol/effect.ts'
import type { Event } from '../protocol/event.ts'
import { PulseTable } from '../protocol/membership/pulse.ts'
import type { Resources } from '../protocol/placement/resources.ts'
import { CalmTraffic } from './calm-traffic.ts'
import type { Payload } from './connection.ts'
import { Dht, type DhtKnobs } from './dht.ts'
import type { FlightRecorder } from './flight-recorder.ts'
import { Gossip, type GossipKnobs } from './gossip.ts'
import { Host } from './host.ts'
import type { HostIdentity } from './host-init.ts'
import { HostStates } from './host-states.ts'
import { Links } from './links.ts'
import { Metrics } from './metrics/metrics.ts'
import { type Geography, Network, type NetworkKnobs } from './network.ts'
import { Payloads } from './payloads.ts'
import { type Kind, kinds, LadderQueue } from './queue.ts'
import { type Shared, share } from './shared-presence.ts'
import { markOf, TraceHash } from './trace-hash.ts'

export interface SimulatorOptions {
  readonly seed: number
  readonly members: number
  readonly config?: Partial<Config>
  readonly network?: Partial<NetworkKnobs>
  /** Left out, as the agent sets gossipsub. */
  readonly gossip?: Partial<GossipKnobs>
  readonly dht?: Partial<DhtKnobs>
  /** Regions and racks, and the links within and between them; left out, all links are alike. */
  readonly geography?: Geography
  /** Encode and decode every message, as on a wire; left out, values are shared. */
  readonly encode?: boolean
  /** Each host's clock is off by up to this much. */
  readonly clockSkewMs?: number
  /** And runs too fast or too slow by up to so many millionths. */
  readonly clockDriftPpm?: number
  /** Virtual Unix time at the start. */
  readonly epochMs?: number
  readonly capacity?: (host: number) => Resources
  readonly labels?: (host: number) => { readonly [key: string]: string }
  /** Each core has its maps for itself, as an agent has: to show that sharing them changes nothing. */
  readonly ownMaps?: boolean
  /** Every step goes the ordinary way, also a calm member's: to show that it makes no difference. */
  readonly isPlain?: boolean
  /** Called with each line of the trace, to find where two runs part. */
  readonly trace?: (line: string) => void
}

const usualNetwork: NetworkKnobs = {
  latencyMinUs: 200,
  latencyMaxUs: 5000,
  lossPermille: 0,
  duplicatePermille: 0,
}

/** Small, because engines keep integers below 2^31 without a box, 13 days from here. */
const usualEpochMs = 1_000_000_000

const linkKind = kinds.indexOf('link')
const messageKind = kinds.indexOf('message')
const wakeKind = kinds.indexOf('wake')
const noPayload = -1
/** From here downwards: numbers of gossip messages; even: a copy arrives; odd: it has been read. */
const firstGossip = -2
/** From here upwards, those of letters between calm members. */
const firstLetter = 2 ** 30

export class Simulator {
  readonly options: SimulatorOptions
  readonly config: Config
  readonly epochMs: number
  readonly network: Network
  readonly links: Links
  readonly gossip: Gossip
  readonly dht: Dht
  readonly hosts: Host[] = []
  readonly states = new HostStates()
  readonly byId = new Map<MemberId, Host>()
  readonly random: Random
  readonly metrics = new Metrics()
  /** Of hosts whose lives are to be recorded, by their index. */
  readonly recorders = new Map<number, FlightRecorder>()
  /** Whose core makes a step: where a bug of ours comes from. */
  stepping: Host | undefined
  /** What the cores share; undefined where each has its own. */
  readonly shared: Shared | undefined
  /** Of calm members, by the host's index. */
  readonly pulses: PulseTable
  readonly traffic: CalmTraffic
  /** Deaths that calm members have yet to work in; undefined where cores share nothing. */
  readonly deaths: DeathBoard | undefined
  /** Microseconds since the start. */
  nowUs = 0
  events = 0
  /** Lists of effects that are not in use: a step under way takes one. */
  readonly effectLists: Effect[][] = []
  readonly #queue = new LadderQueue()
  readonly #payloads = new Payloads<Event | (() => void)>()
  readonly #sequences: number[] = []
  readonly #hash = new TraceHash()

  constructor(options: SimulatorOptions) {
    this.options = options
    this.config = { ...defaultConfig, ...options.config }
    this.epochMs = options.epochMs ?? usualEpochMs
    this.pulses = new PulseTable(this.config, options.members)
    this.shared = options.ownMaps ? undefined : share(this.config)
    this.deaths = this.shared && this.#deathBoard()
    this.random = new Random(options.seed)
    const knobs = { ...usualNetwork, ...options.network }
    this.network = new Network(knobs, new Random(this.random.uint32()), options.geography)
    this.links = new Links(this)
    this.traffic = new CalmTraffic(this)
    this.gossip = new Gossip(this, options.gossip)
    this.dht = new Dht(this, options.dht)
    this.gossip.onDelivered = (_, delayUs) => this.metrics.delivery.add(delayUs)
    for (let i = 0; i < options.members; i++) this.addHost()
  }

  addHost(identity?: HostIdentity): Host {
    const { clockSkewMs: skew = 0, clockDriftPpm: drift = 0 } = this.options
    const { geography, labels = usualLabels } = this.options
    geography?.topology.grow(this.hosts.length + 1)
    const host = new Host(this, {
      index: this.hosts.length,
      labels: identity?.node.labels ?? labels(this.hosts.length),
      random: new Random(this.random.uint32()),
      skewMs: this.random.below(2 * skew + 1) - skew,
      driftPpm: drift === 0 ? 0 : this.random.below(2 * drift + 1) - drift,
      capacity:
        identity?.node.capacity ?? this.options.capacity?.(this.hosts.length) ?? usualCapacity,
      identity,
    })
    this.hosts.push(host)
    this.traffic.addHost(host)
    this.byId.set(host.id, host)
    this.dht.table.add(host.index, host.id)
    return host
  }

  schedule(
    delayUs: number,
    kind: Kind,
    { destination, source }: { destination: number; source: number },
    run: () => void,
  ): void {
    this.#push(delayUs, kinds.indexOf(kind), destination, source, this.#payloads.add(run))
  }

  /**
   * What arrives at a host: an event of its core, or the number of a gossip message. Most of what happens, so it
   * makes no closure.
   */
  scheduleArrival(delayUs: number, from: number, to: number, what: Payload): void {
    const payload = typeof what === 'number' ? firstGossip - 2 * what : this.#payloads.add(what)
    this.#push(delayUs, messageKind, to, from, payload)
  }

  /** The host will have read its first copy of a gossip message. */
  scheduleReading(delayUs: number, from: number, to: number, message: number): void {
    this.#push(delayUs, linkKind, to, from, firstGossip - 2 * message - 1)
  }

  scheduleLetter(delayUs: number, from: number, to: number, letter: number): void {
    this.#push(delayUs, messageKind, to, from, firstLetter + letter)
  }

  scheduleWake(delayUs: number, host: number): void {
    this.#push(delayUs, wakeKind, host, host, noPayload)
  }

  /** Lets `durationUs` of virtual time pass. */
  run(durationUs: number): void {
    const end = this.nowUs + durationUs
    while (this.#queue.pop(end)) {
      this.nowUs = this.#queue.at
      this.events++
      this.#happen()
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

  /** Part of the trace: what happened where. */
  record(host: number, text: string): void {
    this.#hash.note(this.nowUs, host, hashText(text))
    this.options.trace?.(`${this.nowUs} ${host} ${text}`)
  }

  /** Part of the trace: the host's core has made a step. */
  recordStep(host: number, event: Event): void {
    this.recordMark(host, markOf(event), event.type)
  }

  recordMark(host: number, mark: number, type: Event['type']): void {
    this.#hash.note(this.nowUs, host, mark)
    this.options.trace?.(`${this.nowUs} ${host} ${type}`)
  }

  traceHash(): string {
    return this.#hash.text()
  }

  /** What a host's agent tells its surroundings: part of the trace. */
  notify(host: number, notification: Notification): void {
    this.record(host, `notify ${notification.type}`)
    if (notification.type !== 'member-changed' || notification.update.state !== 'down') return
    const subject = this.byId.get(notification.update.member)?.index
    if (subject === undefined) return
    this.metrics.noticedDown(host, subject, this.network.connects(host, subject), this.nowUs)
  }

  #deathBoard(): DeathBoard {
    const { config, pulses: table } = this
    return new DeathBoard({ config, table, rowOf: (member) => this.byId.get(member)?.index })
  }

  /** Those of the members that there are. */
  hostsOf(members: readonly MemberId[]): Host[] {
    return members.flatMap((id) => this.byId.get(id) ?? [])
  }

  /** Hosts whose agent runs. */
  up(): Host[] {
    return this.hosts.filter((host) => host.isUp)
  }

  #push(delayUs: number, kind: number, destination: number, source: number, payload: number): void {
    const sequence = (this.#sequences[source + 1] ?? 0) + 1
    this.#sequences[source + 1] = sequence
    this.#queue.push(this.nowUs + delayUs, kind, destination, source, sequence, payload)
  }

  #happen(): void {
    const { payload, source, destination } = this.#queue
    if (payload === noPayload) return this.traffic.wake(destination)
    if (payload >= firstLetter)
      return this.traffic.arrive(destination, source, payload - firstLetter)
    if (payload <= firstGossip) return this.#gossip(firstGossip - payload, source, destination)
    const held = this.#payloads.take(payload)
    if (typeof held === 'function') held()
    else this.hosts[destination]!.receive(held)
  }

  #gossip(number: number, source: number, destination: number): void {
    if (number % 2 === 0) this.gossip.arrive(destination, source, number >> 1)
    else this.gossip.takeUp(destination, source, number >> 1)
  }
}

const zones = [{ zone: 'z0' }, { zone: 'z1' }, { zone: 'z2' }] as const
const usualLabels = (host: number) => zones[host % 3]!
const usualCapacity: Resources = { cpu: 4000, memory: 8192, disk: 100_000, gpu: 0 }
