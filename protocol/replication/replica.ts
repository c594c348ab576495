/**
 * This member's copy of the replicated state: where a record comes in, is checked, joined, made durable, told
 * to others and repaired. The parts decide; this class passes records between them in the right order.
 *
 * A record that comes in is first looked for, then checked: a duplicate costs a look, a new one a signature.
 * What a client writes is visible, told and copied only once it is durable here; what this member says of
 * itself, and what it hears from others, is visible at once.
 */

import type { BigMaps } from '../base/big-map.ts'
import { earliest } from '../base/deadline.ts'
import type { EffectId, MemberId, Millis, RequestId, Stamp } from '../base/id.ts'
import { invariant, unreachable } from '../base/invariant.ts'
import type { Random } from '../base/random.ts'
import type { Seal } from '../base/seal.ts'
import type { Value } from '../base/value.ts'
import type { Config } from '../config.ts'
import type { EffectSink, Persist, StoreWrite } from '../effect.ts'
import { limits } from '../limits.ts'
import type { Rejection } from '../message.ts'
import { AntiEntropy } from './anti-entropy.ts'
import { DeltaLog } from './delta-log.ts'
import { History } from './history.ts'
import { Intake } from './intake.ts'
import { Journal, type Receipt } from './journal.ts'
import type { Introduce, Replicate, ReplicationMessage } from './message.ts'
import { Outbox } from './outbox.ts'
import { Pen } from './pen.ts'
import { Proposals } from './proposals.ts'
import { type Dot, dotOf, ownerOf, type ReplicaRecord } from './record.ts'
import { RecordMap } from './record-map.ts'
import { Tombstones } from './tombstones.ts'
import { type Proposal, type Settled, WriteConcern } from './write-concern.ts'

export interface ReplicaHooks {
  nextEffectId(): EffectId
  /** Present members with an open link, sorted, without this one. */
  peers(): readonly MemberId[]
  /** Alive and suspect members. */
  presentCount(): number
  isPresent(member: MemberId): boolean
}

export interface ReplicaInit {
  readonly config: Config
  readonly self: MemberId
  /** Raised and made durable at each start, so that no dot is ever used twice. */
  readonly epoch: number
  readonly seal: Seal
  readonly random: Random
  readonly maps?: BigMaps | undefined
  readonly hooks: ReplicaHooks
  /** Keys that do not begin with `record/` are someone else's. */
  readonly journal: Iterable<StoreWrite>
}

export type Proposed =
  | { readonly versions: readonly Dot[] }
  | { readonly refused: 'storage-failed' | 'overloaded' }

export class Replica {
  readonly self: MemberId
  readonly #init: ReplicaInit
  readonly #map: RecordMap
  readonly #pen: Pen
  readonly #log = new DeltaLog()
  readonly #journal: Journal
  readonly #outbox: Outbox
  readonly #writes: WriteConcern
  readonly #tombstones: Tombstones
  readonly antiEntropy: AntiEntropy
  readonly #proposals = new Proposals()
  readonly #history: History
  readonly #intake: Intake

  constructor(init: ReplicaInit) {
    const { config, self, hooks } = init
    this.self = self
    this.#init = init
    this.#map = new RecordMap(init.maps)
    this.#pen = new Pen(init)
    this.#journal = new Journal(config.storageRetryMs)
    this.#outbox = new Outbox(config.gossipIntervalMs)
    this.#writes = new WriteConcern(config, () => hooks.peers())
    this.#tombstones = new Tombstones(config.tombstoneTtlMs, this.#map)
    const { tombstoneTtlMs } = config
    this.#history = new History({ self, tombstoneTtlMs, journal: init.journal })
    this.#intake = this.#createIntake(init)
    this.antiEntropy = new AntiEntropy({
      config,
      self,
      random: init.random,
      map: this.#map,
      log: this.#log,
      history: this.#history,
      intake: this.#intake,
      peers: () => hooks.peers(),
      presentCount: () => hooks.presentCount(),
      isPresent: (member) => hooks.isPresent(member),
    })
    this.#intake.replay(init.journal)
  }

  /** What another replica holds, its records of this member too. */
  adopt(other: Replica): void {
    this.#map.adopt(other.#map)
    this.#pen.adopt(other.#pen)
    this.#history.adopt(other.#history)
    const own = this.get(`node/${this.self}`)
    if (own !== undefined) this.#pen.observe(own)
  }

  /** Before that nothing is told of our history. */
  start(now: Millis): void {
    this.#history.start(now)
  }

  get storageFailed(): boolean {
    return this.#journal.hasFailed
  }

  /** The newest record of the key, also a tombstone. */
  get(key: string): ReplicaRecord | undefined {
    return this.#map.get(key)?.versions[0]
  }

  /** Undefined when absent or deleted. */
  value(key: string): Value | undefined {
    return this.get(key)?.body ?? undefined
  }

  /** Newest first. */
  versions(key: string): readonly ReplicaRecord[] {
    return this.#map.get(key)?.versions ?? []
  }

  /** Sorted, those that have a value. */
  keys(prefix: string): Iterable<string> {
    return this.#map.keys(prefix)
  }

  /** All that count, by key, then newest first. */
  records(): Iterable<ReplicaRecord> {
    return this.#map.records()
  }

  root(): string {
    return this.#map.tree.root()
  }

  /** Of the log of what was learned. */
  get position(): number {
    return this.#log.position
  }

  size(): { records: number; tombstones: number } {
    return this.#map.size()
  }

  /** A fresh stamp. */
  stamp(now: Millis): Stamp {
    return this.#pen.stamp(now)
  }

  clock(now: Millis): Stamp {
    return this.#pen.clock(now)
  }

  /** Writes or (null) deletes a key that this member owns. A step on the way may wait for the next one. */
  writeOwn(key: string, body: Value, now: Millis, isOnTheWay = false): void {
    invariant(ownerOf(key) === this.self, 'a member writes only its own keys')
    const record = this.#pen.write(key, body, null, now)
    this.#intake.apply(record, now)
    this.#journal.keep(record)
    this.#outbox.add(record, now, isOnTheWay ? this.#init.config.gossipGatherMs : 0)
  }

  /** A client's writes to shared keys, all or none. `takeSettled` says what became of them. */
  propose(
    request: RequestId,
    writes: readonly { readonly key: string; readonly body: Value }[],
    copies: number | null,
    now: Millis,
  ): Proposed {
    if (this.storageFailed) return { refused: 'storage-failed' }
    if (this.#isFull(writes.length)) return { refused: 'overloaded' }
    const records = writes.map(({ key, body }) => {
      invariant(ownerOf(key) === undefined, 'clients write shared keys')
      const replaced = this.#proposals.last(key) ?? this.get(key)
      return this.#pen.write(key, body, replaced ? dotOf(replaced) : null, now)
    })
    const proposal = { request, records, copies }
    this.#proposals.add(proposal)
    this.#journal.propose(proposal)
    return { versions: records.map(dotOf) }
  }

  /** Whether a client's write of the key is on its way to the disk: what it will come to is not known yet. */
  isProposed(key: string): boolean {
    return this.#proposals.last(key) !== undefined
  }

  /** Counts the copies of what the keys hold already, as for a write. `takeSettled` says when there are enough. */
  confirm(
    request: RequestId,
    keys: readonly string[],
    copies: number | null,
    now: Millis,
    out: EffectSink,
  ): 'overloaded' | undefined {
    if (this.#isFull(0)) return 'overloaded'
    const records = keys.flatMap((key) => this.get(key) ?? [])
    const isDurableHere = this.#journal.awaitDurable(records, { to: this.self, id: request })
    this.#writes.gatherCopies({ request, records, copies }, now, isDurableHere)
    this.#writes.send(now, out)
    return undefined
  }

  takeSettled(): Settled[] {
    return this.#writes.takeSettled()
  }

  /** All writes of this step, to go first in its list of effects. */
  flush(): Persist | undefined {
    return this.#journal.flush(() => this.#init.hooks.nextEffectId())
  }

  /** As `onPersisted`, if nobody waits for it; where somebody may, nothing is done, and it answers false. */
  onPersistedQuietly(id: EffectId): boolean {
    return this.#journal.persistedQuietly(id)
  }

  /** True if somebody waited for it. */
  onPersisted(id: EffectId, now: Millis, out: EffectSink): boolean {
    const persisted = this.#journal.persisted(id)
    if (persisted === undefined) return false
    for (const proposal of persisted.proposals) this.#accept(proposal, now)
    for (const receipt of persisted.receipts)
      if (receipt.to === this.self) this.#writes.onDurableHere(receipt.id)
      else sendReceipt(receipt, out)
    if (persisted.recovered)
      out.push({ type: 'notify', notification: { type: 'storage-recovered' } })
    this.#writes.send(now, out)
    return persisted.proposals.length + persisted.receipts.length > 0 || persisted.recovered
  }

  onPersistFailed(id: EffectId, code: string, now: Millis, out: EffectSink): void {
    const failed = this.#journal.failed(id, now)
    if (failed === undefined) return
    for (const proposal of failed.proposals) {
      this.#proposals.retire(proposal)
      this.#writes.fail(proposal)
    }
    if (failed.isFirst) out.push({ type: 'notify', notification: { type: 'storage-failed', code } })
  }

  onMessage(from: MemberId, message: ReplicationMessage, now: Millis, out: EffectSink): void {
    switch (message.type) {
      case 'replicate':
        return this.#onReplicate(from, message, now, out)
      case 'replicated':
        this.#writes.onReplicated(from, message.id)
        return this.#writes.send(now, out)
      case 'introduce':
        return this.#onIntroduce(from, message, now)
      case 'sync-root':
        return this.antiEntropy.onRoot(from, message, now, out)
      case 'sync-ask':
        return this.antiEntropy.onAsk(from, message, now, out)
      case 'sync-answer':
        return this.antiEntropy.onAnswer(from, message, now, out)
      default:
        unreachable(message)
    }
  }

  noteBroadcast(now: Millis): void {
    this.#outbox.noteTraffic(now)
  }

  /** Records of a broadcast, or attached to another message. The voucher is surely who it says it is. */
  joinRecords(
    from: MemberId,
    records: readonly ReplicaRecord[],
    now: Millis,
    voucher: MemberId | null = null,
  ): void {
    this.#intake.take(from, records, now, voucher)
  }

  /** Gossip of our record, if anyone was there to hear it, may have missed a member that comes later. */
  introduce(to: MemberId, out: EffectSink): void {
    const own = this.get(`node/${this.self}`)
    if (own === undefined) return
    const isNew = !this.#map.hasOther('node/', own.key)
    out.push({ type: 'send', to, message: { type: 'introduce', isNew, records: [own] } })
  }

  onLinkOpened(member: MemberId, now: Millis, out: EffectSink): void {
    this.antiEntropy.onLinkOpened(member, now, out)
    this.#writes.send(now, out)
  }

  onMembersChanged(members: readonly MemberId[], now: Millis, out: EffectSink): void {
    this.#history.onMembersChanged(this.#init.hooks.presentCount(), now)
    this.antiEntropy.onMembersChanged(members)
    this.#writes.onMembersChanged()
    this.#writes.send(now, out)
  }

  /** Own records to gossip now; none while the interval since the last batch has not passed. */
  takeBatch(now: Millis): ReplicaRecord[] {
    return this.#outbox.take(now)
  }

  /** Keys whose newest record has changed since the last call, sorted. Those of the journal do not count. */
  takeChanges(): string[] {
    return this.#intake.takeChanges()
  }

  takeRejections(): Rejection[] {
    return this.#intake.takeRejections()
  }

  deadline(): Millis | undefined {
    return earliest(
      this.#outbox.deadline(),
      this.#journal.deadline(),
      this.#writes.deadline(),
      this.antiEntropy.deadline(),
      this.#tombstones.deadline(),
      this.#history.deadline(),
    )
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.#journal.onDeadline(now)
    this.#writes.onDeadlines(now)
    this.#writes.send(now, out)
    this.antiEntropy.onDeadlines(now, out)
    const note = this.#history.take(now)
    if (note !== undefined) this.#journal.note(note)
    const tombstonesAt = this.#tombstones.deadline()
    if (tombstonesAt === undefined || tombstonesAt > now) return
    const agreedAt = this.antiEntropy.agreedByNeighboursAt(now)
    const drop = (record: ReplicaRecord): void => this.#journal.drop(record)
    this.#tombstones.onDeadlines(now, (at) => agreedAt >= at, drop)
  }

  #createIntake({ self, config, seal }: ReplicaInit): Intake {
    return new Intake({
      self,
      config,
      seal,
      map: this.#map,
      pen: this.#pen,
      log: this.#log,
      journal: this.#journal,
      tombstones: this.#tombstones,
      suspectBefore: (from, now) => this.antiEntropy.suspectBefore(from, now),
    })
  }

  #onIntroduce(from: MemberId, { isNew, records }: Introduce, now: Millis): void {
    const { joined } = this.#intake.take(from, records, now)
    if (isNew) for (const record of joined) this.#outbox.add(record, now)
  }

  #onReplicate(from: MemberId, message: Replicate, now: Millis, out: EffectSink): void {
    const records = message.records ?? []
    if (!this.#intake.take(from, records, now, from).isComplete) return
    const receipt = { to: from, id: message.id }
    if (this.#journal.awaitDurable(records, receipt)) sendReceipt(receipt, out)
  }

  /** A client's write is durable here: from now on it exists. */
  #accept(proposal: Proposal, now: Millis): void {
    this.#proposals.retire(proposal)
    for (const record of proposal.records) {
      if (this.#map.covers(record, this.#tombstones.expired(now))) this.#journal.drop(record)
      else {
        this.#intake.apply(record, now)
        this.#outbox.add(record, now)
      }
    }
    this.#writes.gatherCopies(proposal, now)
  }

  #isFull(writes: number): boolean {
    const pending = this.#proposals.size + this.#writes.pending
    const records = this.#map.size().records + this.#proposals.size
    return pending >= limits.pendingWrites || records + writes > limits.records
  }
}

function sendReceipt({ to, id }: Receipt, out: EffectSink): void {
  out.push({ type: 'send', to, message: { type: 'replicated', id } })
}
