/** Replicas on a simulated network, for tests: virtual time, lossy links, gossip, disks that take a while. */
import { decodeCanonical, encodeCanonical } from '../../../protocol/base/bytes.ts'
import { fingerprint } from '../../../protocol/base/hash.ts'
import { compareText, type MemberId } from '../../../protocol/base/id.ts'
import { Random } from '../../../protocol/base/random.ts'
import { check, type Schema } from '../../../protocol/base/schema.ts'
import type { Seal } from '../../../protocol/base/seal.ts'
import type { Value } from '../../../protocol/base/value.ts'
import { type Config, defaultConfig } from '../../../protocol/config.ts'
import type { Effect, Persist, StoreWrite } from '../../../protocol/effect.ts'
import {
  type ReplicationMessage,
  recordSchema,
  replicationMessages,
} from '../../../protocol/replication/message.ts'
import type { ReplicaRecord } from '../../../protocol/replication/record.ts'
import { Replica } from '../../../protocol/replication/replica.ts'
import { signRecord } from '../../../protocol/replication/signature.ts'

/** Signatures that can be checked by anybody and made by anybody: enough to catch a changed record. */
export function toySeal(self: MemberId): Seal {
  const seal = (author: MemberId, bytes: Uint8Array) =>
    Uint8Array.from(fingerprint(author + bytes.join()), (digit) => digit.charCodeAt(0))
  return {
    sign: (bytes) => seal(self, bytes),
    verify: (author, bytes, signature) => seal(author, bytes).join() === signature.join(),
  }
}

/** As cheap as a look, for tests with very many records. */
export const noSeal: Seal = {
  sign: () => new Uint8Array(64),
  verify: () => true,
}

export function makeRecord(
  fields: Partial<ReplicaRecord> & { author: string; counter: number; key: string },
): ReplicaRecord {
  const full = { stamp: fields.counter, replaces: null, body: 'x' as Value, ...fields }
  return signRecord(full, toySeal(fields.author))
}

export interface LoneInit {
  self?: MemberId
  config?: Partial<Config>
  epoch?: number
  seal?: Seal
  seed?: number
  journal?: Iterable<StoreWrite>
  peers?: () => readonly MemberId[]
  present?: () => readonly MemberId[]
}

export function makeReplica(init: LoneInit = {}): Replica {
  const self = init.self ?? 'm1'
  let lastEffectId = 0
  const present = init.present ?? (() => [self, ...(init.peers?.() ?? [])])
  return new Replica({
    config: { ...defaultConfig, ...init.config },
    self,
    epoch: init.epoch ?? 1,
    seal: init.seal ?? toySeal(self),
    random: new Random(init.seed ?? 1),
    hooks: {
      nextEffectId: () => ++lastEffectId,
      peers: init.peers ?? (() => []),
      presentCount: () => present().length,
      isPresent: (member) => present().includes(member),
    },
    journal: init.journal ?? [],
  })
}

/** One member: its replica and its disk. */
interface Host {
  replica: Replica
  disk: Map<string, Value>
  isUp: boolean
  diskFails: boolean
}

interface Happening {
  at: number
  order: number
  act: () => void
}

export interface ClusterInit {
  members: readonly MemberId[]
  seed?: number
  config?: Partial<Config>
  seal?: (self: MemberId) => Seal
  /** In a thousand. */
  loss?: number
  gossipLoss?: number
  latencyMs?: number
  diskMs?: number
  /** Messages are encoded, measured, decoded and checked. */
  measured?: boolean
  /** Whom a member cannot reach it takes for dead; left out, it takes all that are up for present. */
  presentByLink?: boolean
}

export class Cluster {
  now = 1_700_000_000_000
  readonly hosts = new Map<MemberId, Host>()
  readonly log: string[] = []
  readonly counts: { [type: string]: number } = {}
  bytes = 0
  /** Bytes of the records in the messages, to tell what the rest costs. */
  recordBytes = 0
  loss: number
  gossipLoss: number
  readonly #init: ClusterInit
  readonly #random: Random
  readonly #cut = new Set<string>()
  #happenings: Happening[] = []
  #order = 0
  #epoch = 0

  constructor(init: ClusterInit) {
    this.#init = init
    this.#random = new Random(init.seed ?? 1)
    this.loss = init.loss ?? 0
    this.gossipLoss = init.gossipLoss ?? 0
    for (const member of init.members) this.start(member)
    for (const member of init.members) this.#exchangeLater(member)
  }

  replica(member: MemberId): Replica {
    return this.hosts.get(member)!.replica
  }

  start(member: MemberId, disk = new Map<string, Value>()): void {
    const isSeen = (other: MemberId): boolean =>
      !this.#init.presentByLink || other === member || this.isLinked(member, other)
    const present = () =>
      [...this.hosts.keys()].filter((each) => this.hosts.get(each)!.isUp && isSeen(each)).sort()
    const replica = makeReplica({
      self: member,
      epoch: ++this.#epoch,
      seed: this.#random.uint32(),
      seal: this.#init.seal?.(member) ?? toySeal(member),
      config: this.#init.config ?? {},
      journal: [...disk].map(([key, value]) => ({ key, value })),
      peers: () => present().filter((each) => each !== member && this.isLinked(member, each)),
      present,
    })
    this.hosts.set(member, { replica, disk, isUp: true, diskFails: false })
    this.act(member, () => replica.start(this.now))
    this.#tellMembers()
  }

  /** The agent comes back with what its disk kept. */
  restart(member: MemberId): void {
    this.start(member, this.hosts.get(member)!.disk)
    for (const other of this.hosts.keys())
      if (other !== member && this.isLinked(member, other)) this.#openLink(member, other)
  }

  crash(member: MemberId): void {
    this.hosts.get(member)!.isUp = false
    this.#tellMembers()
  }

  isLinked(a: MemberId, b: MemberId): boolean {
    return !this.#cut.has(linkName(a, b))
  }

  cut(a: MemberId, b: MemberId): void {
    this.#cut.add(linkName(a, b))
    this.#tellMembers()
  }

  heal(a: MemberId, b: MemberId): void {
    this.#cut.delete(linkName(a, b))
    this.#tellMembers()
    this.#openLink(a, b)
  }

  /** One step of a member. */
  act<T>(member: MemberId, step: (replica: Replica, out: Effect[]) => T): T {
    const { replica } = this.hosts.get(member)!
    const out: Effect[] = []
    const result = step(replica, out)
    this.#performDue(replica, out)
    const batch = replica.takeBatch(this.now)
    const persist = replica.flush()
    if (persist !== undefined) this.#persist(member, replica, persist)
    if (batch.length > 0) this.#gossip(member, batch)
    for (const effect of out) this.#perform(member, effect)
    this.#wakeLater(member, replica)
    return result
  }

  /** Until nothing is left to do before that time. */
  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const next = this.#takeNext(end)
      if (next === undefined) break
      this.now = Math.max(this.now, next.at)
      next.act()
    }
    this.now = end
  }

  /** Advances until the condition holds; says how long that took, or undefined after `withinMs`. */
  until(condition: () => boolean, withinMs: number): number | undefined {
    const start = this.now
    while (!condition()) {
      if (this.now - start >= withinMs) return undefined
      this.advance(50)
    }
    return this.now - start
  }

  areEqual(): boolean {
    const up = [...this.hosts.values()].filter((host) => host.isUp)
    return new Set(up.map((host) => host.replica.root())).size === 1
  }

  #openLink(a: MemberId, b: MemberId): void {
    for (const [self, other] of [[a, b] as const, [b, a] as const])
      if (this.hosts.get(self)!.isUp && this.hosts.get(other)!.isUp)
        this.act(self, (replica, out) => replica.onLinkOpened(other, this.now, out))
  }

  #tellMembers(): void {
    for (const [member, { isUp }] of this.hosts)
      if (isUp)
        this.act(member, (replica, out) =>
          replica.onMembersChanged([...this.hosts.keys()], this.now, out),
        )
  }

  #takeNext(end: number): Happening | undefined {
    let first: Happening | undefined
    for (const each of this.#happenings)
      if (
        first === undefined ||
        each.at < first.at ||
        (each.at === first.at && each.order < first.order)
      )
        first = each
    if (first === undefined || first.at > end) return undefined
    this.#happenings.splice(this.#happenings.indexOf(first), 1)
    return first
  }

  #later(ms: number, act: () => void): void {
    this.#happenings.push({ at: this.now + ms, order: ++this.#order, act })
  }

  #performDue(replica: Replica, out: Effect[]): void {
    const due = replica.deadline()
    if (due !== undefined && due <= this.now) replica.onDeadlines(this.now, out)
  }

  #wakeLater(member: MemberId, replica: Replica): void {
    const at = replica.deadline()
    if (at === undefined) return
    if (at <= this.now) this.log.push(`${member} is due at once`)
    this.#later(Math.max(1, at - this.now), () => {
      const isDue = (replica.deadline() ?? Number.POSITIVE_INFINITY) <= this.now
      if (isDue && this.#isCurrent(member, replica)) this.act(member, () => {})
    })
  }

  #isCurrent(member: MemberId, replica: Replica): boolean {
    const host = this.hosts.get(member)!
    return host.isUp && host.replica === replica
  }

  #perform(from: MemberId, effect: Effect): void {
    if (effect.type === 'notify') this.log.push(`${from} ${effect.notification.type}`)
    if (effect.type !== 'send') return
    const message = effect.message as ReplicationMessage
    this.counts[message.type] = (this.counts[message.type] ?? 0) + 1
    const received = this.#init.measured ? this.#measure(message) : message
    this.#deliver(from, effect.to, this.loss, (replica, out) =>
      replica.onMessage(from, received, this.now, out),
    )
  }

  #deliver(
    from: MemberId,
    to: MemberId,
    loss: number,
    step: (replica: Replica, out: Effect[]) => void,
  ): void {
    if (this.#random.chance(loss, 1000)) return
    const latencyMs = this.#init.latencyMs ?? 10
    this.#later(latencyMs + this.#random.below(latencyMs + 1), () => {
      if (this.hosts.get(to)?.isUp && this.isLinked(from, to)) this.act(to, step)
    })
  }

  #gossip(from: MemberId, records: readonly ReplicaRecord[]): void {
    this.counts.gossip = (this.counts.gossip ?? 0) + 1
    for (const to of this.hosts.keys())
      if (to !== from)
        this.#deliver(from, to, this.gossipLoss, (replica) =>
          replica.joinRecords(from, records, this.now),
        )
  }

  #persist(member: MemberId, replica: Replica, persist: Persist): void {
    this.#later(this.#init.diskMs ?? 3, () => {
      if (!this.#isCurrent(member, replica)) return
      const host = this.hosts.get(member)!
      if (host.diskFails)
        return this.act(member, (_, out) =>
          replica.onPersistFailed(persist.id, 'disk-full', this.now, out),
        )
      applyWrites(host.disk, persist.writes)
      this.act(member, (_, out) => replica.onPersisted(persist.id, this.now, out))
    })
  }

  /** Once a second each member hears the roots of the others, as on the ring exchange. */
  #exchangeLater(member: MemberId): void {
    this.#later(500 + this.#random.below(1000), () => {
      this.#exchangeLater(member)
      const host = this.hosts.get(member)!
      if (!host.isUp) return
      const others = [...this.hosts.keys()].filter((each) => each !== member).sort(compareText)
      const to = this.#random.pick(others)
      if (to === undefined || !this.isLinked(member, to)) return
      this.#tellRoot(member, to)
      this.#tellRoot(to, member)
    })
  }

  #tellRoot(from: MemberId, to: MemberId): void {
    if (!this.hosts.get(from)!.isUp) return
    const root = this.replica(from).root()
    this.#deliver(from, to, this.loss, (replica) =>
      replica.antiEntropy.onPeerRoot(from, root, this.now),
    )
  }

  #measure(message: ReplicationMessage): ReplicationMessage {
    const bytes = encodeCanonical(message as unknown as Value)
    this.bytes += bytes.length
    const records = (message as { records?: ReplicaRecord[] }).records ?? []
    for (const record of records)
      this.recordBytes += encodeCanonical(record as unknown as Value).length
    return decode(bytes)
  }
}

export function applyWrites(disk: Map<string, Value>, writes: readonly StoreWrite[]): void {
  for (const { key, value } of writes)
    if (value === null) disk.delete(key)
    else disk.set(key, value)
}

/** As the codec does it. */
export function decode(bytes: Uint8Array): ReplicationMessage {
  const value = decodeCanonical(bytes) as { type: keyof typeof replicationMessages }
  const read = check(replicationMessages[value.type] as Schema<ReplicationMessage>, value)
  if (!read.ok) throw new Error(JSON.stringify(read.issues))
  for (const record of (read.value as { records?: ReplicaRecord[] }).records ?? []) {
    const inner = check(recordSchema, record)
    if (!inner.ok) throw new Error(JSON.stringify(inner.issues))
  }
  return read.value
}

function linkName(a: MemberId, b: MemberId): string {
  return [a, b].sort(compareText).join(' ')
}
