/**
 * The protocol of one member, deterministic: the same init and the same (event, now) sequence give the same
 * effects, byte for byte. The core only routes. It hands each event to the module that it concerns, then lets
 * the modules tell each other what changed until nothing does, and puts what must be durable first.
 *
 * A restart is a new core made from the journal, plus one `tasks-observed`. Nothing is done before the raised
 * epoch is durable: it is part of every dot and of the incarnation, so neither is ever used twice.
 */

import { earlier, earliest } from './base/deadline.ts'
import type { EffectId, MemberId, Millis } from './base/id.ts'
import { invariant, unreachable } from './base/invariant.ts'
import { SparseMap } from './base/sparse.ts'
import { type Broadcaster, isRejection } from './broadcaster.ts'
import { Calm } from './calm.ts'
import { createView } from './cluster-view.ts'
import { Registry } from './discovery/registry.ts'
import type { Effect, EffectSink } from './effect.ts'
import type { Epoch } from './epoch.ts'
import type { Event } from './event.ts'
import type { Leaving } from './leaving.ts'
import { limits } from './limits.ts'
import { MemberJournal } from './member-journal.ts'
import { isArrival } from './membership/census.ts'
import type { Membership } from './membership/membership.ts'
import { membershipMessages } from './membership/message.ts'
import type { Broadcast, Exchange, Message, Rejection } from './message.ts'
import { OwnNode } from './own-node.ts'
import { type CoreInit, createParts } from './parts.ts'
import type { Placement } from './placement/placement.ts'
import type { ReplicaRecord } from './replication/record.ts'
import type { Replica } from './replication/replica.ts'
import type { Requests } from './requests.ts'
import type { ClusterView } from './view.ts'

export interface Core {
  step(event: Event, now: Millis): Effect[]
  /** The same as `step`, into a sink. */
  stepInto(event: Event, now: Millis, sink: EffectSink): void
  /** When to step with a tick at the latest. */
  deadline(): Millis | undefined
  view(): ClusterView
}

export type { CoreInit } from './parts.ts'

export function createCore(init: CoreInit): Core {
  return new MemberCore(init)
}

class MemberCore implements Core {
  readonly #self: MemberId
  readonly #epoch: Epoch
  readonly #membership: Membership
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #registry = new Registry()
  readonly #requests: Requests
  readonly #broadcaster: Broadcaster
  readonly #leaving: Leaving
  readonly #node: OwnNode
  readonly #calm: Calm
  readonly #view: ClusterView
  readonly #rejections = new SparseMap<string, number>()
  #now: Millis = 0
  #lastEffectId: EffectId = 0
  readonly #memberJournal = new MemberJournal()
  #out: Effect[] = []
  #isLike = false
  /** The step may have changed more than membership keeps to itself. */
  #isStirred = false
  /** Of all but membership. */
  #othersDeadline: Millis | undefined

  constructor(init: CoreInit) {
    this.#self = init.self
    const parts = createParts(init, {
      now: () => this.#now,
      nextEffectId: () => this.#nextEffectId(),
      exchangeFor: (to, now) => this.#exchangeFor(to, now),
      onExchange: (from, exchange, now, out) => this.#onExchange(from, exchange, now, out),
    })
    this.#epoch = parts.epoch
    this.#membership = parts.membership
    this.#replica = parts.replica
    this.#placement = parts.placement
    this.#requests = parts.requests
    this.#broadcaster = parts.broadcaster
    this.#leaving = parts.leaving
    this.#node = new OwnNode(parts, init.node)
    this.#calm = new Calm({ ...init, ...parts }, init.isPlain ?? false)
    this.#view = createView({
      ...parts,
      self: init.self,
      rejections: this.#rejections,
      now: () => this.#now,
    })
    if (init.like !== undefined) this.#adopt(init.like as MemberCore)
  }

  #adopt(other: MemberCore): void {
    this.#membership.adopt(other.#membership)
    this.#replica.adopt(other.#replica)
    this.#placement.adopt(other.#placement)
    this.#isLike = true
  }

  step(event: Event, now: Millis): Effect[] {
    const effects: Effect[] = []
    this.stepInto(event, now, effects)
    return effects
  }

  stepInto(event: Event, now: Millis, sink: EffectSink): void {
    invariant(now >= this.#now, 'time goes on')
    this.#now = now
    if (this.#calm.isCalm && this.#calm.step(event, now, sink)) return
    this.#calm.leave(event)
    const out = this.#out
    invariant(out.length === 0, 'one step at a time')
    this.#catchUp(out)
    this.#isStirred = !isCalm(event)
    if (this.#epoch.isDurable) this.#dispatch(event, now, out)
    else this.#begin(event, now, out)
    if (this.#epoch.isDurable) this.#settle(now, out)
    if (this.#isStirred) this.#persist(now, sink)
    for (const effect of out) sink.push(effect)
    out.length = 0
    if (this.#epoch.isDurable) this.#calm.enter(event, this.#isStirred, this.#othersDeadline, now)
  }

  deadline(): Millis | undefined {
    if (!this.#epoch.isDurable) return this.#epoch.deadline
    if (this.#calm.isCalm) return this.#calm.deadline()
    return earlier(this.#membership.deadline(), this.#othersDeadline)
  }

  /** Good until the next step. */
  view(): ClusterView {
    if (this.#calm.distantDeaths.isEmpty) return this.#view
    this.#calm.leave(nothing)
    this.#catchUp(this.#out)
    this.#calm.enter(nothing, true, this.#othersDeadline, this.#now)
    return this.#view
  }

  /** What was noted of distant deaths is worked in: all else that follows has followed already. */
  #catchUp(out: Effect[]): void {
    const deaths = this.#calm.distantDeaths.take()
    if (deaths.length === 0) return
    this.#membership.bury(deaths)
    this.#memberJournal.noteAll(deaths)
    this.#replica.antiEntropy.onMembersChanged(deaths.map(({ update }) => update.member))
    this.#placement.steward.bury(deaths)
    this.#noteDeadline()
    invariant(out.length === 0, 'a distant death is no affair of ours')
  }

  #begin(event: Event, now: Millis, out: Effect[]): void {
    const held = this.#epoch.hold(event, () => this.#nextEffectId(), now, out)
    if (!this.#epoch.isDurable) return
    this.#replica.start(now)
    if (!this.#isLike) this.#placement.onRecordsChanged(this.#journaledKeys(), now, out)
    this.#placement.start(now, out)
    this.#node.write(now)
    this.#membership.start(now, out)
    for (const earlier of held) this.#dispatch(earlier, now, out)
  }

  #dispatch(event: Event, now: Millis, out: Effect[]): void {
    switch (event.type) {
      case 'tick':
        return
      case 'message-received':
        return this.#onMessage(event.from, event.message, now, out)
      case 'broadcast-received':
        return this.#onBroadcast(event.broadcast, now, out)
      case 'message-refused':
        return this.#reject({ from: event.from, reason: event.reason, detail: event.detail }, out)
      case 'link-opened':
        this.#replica.introduce(event.member, out)
        this.#membership.onLinkOpened(event.member, now, out)
        return this.#replica.onLinkOpened(event.member, now, out)
      case 'link-closed':
        return this.#membership.onLinkClosed(event.member, now, out)
      case 'loop-delayed':
        return this.#membership.onLoopDelayed(event.delayMs)
      case 'persisted':
        this.#isStirred = this.#replica.onPersisted(event.id, now, out)
        return
      case 'effect-failed':
        if (!this.#placement.onEvent(event, now, out))
          this.#replica.onPersistFailed(event.id, event.code, now, out)
        return
      case 'ports-reserved':
      case 'task-started':
      case 'task-stopped':
      case 'task-exited':
      case 'check-reported':
        this.#placement.onEvent(event, now, out)
        return
      case 'tasks-observed':
        return this.#placement.host.onTasksObserved(event, now, out)
      case 'node-changed':
        return this.#node.change(event.node, now, out)
      case 'resources-measured':
        return this.#placement.host.setUsed(event.used, now)
      case 'request-received':
        return this.#onRequest(event, now, out)
      case 'leave-requested':
        return this.#leaving.request(event.keepTasks, now, out)
      default:
        unreachable(event)
    }
  }

  #onMessage(from: MemberId, message: Message, now: Millis, out: Effect[]): void {
    if (from === this.#self) return
    if (isNotMembership(message)) this.#membership.onHeard(from, now, out)
    switch (message.type) {
      case 'place-request':
      case 'place-response':
        // First the records that it carries, so that placement sees what the sender saw.
        this.#replica.joinRecords(from, message.records as ReplicaRecord[], now, from)
        this.#passOnRecords(now, out)
        return this.#placement.onMessage(from, message, now, out)
      case 'stop-request':
        return this.#placement.onMessage(from, message, now, out)
      case 'replicate':
      case 'replicated':
      case 'introduce':
      case 'sync-root':
      case 'sync-ask':
      case 'sync-answer':
        return this.#replica.onMessage(from, message, now, out)
      default:
        return this.#membership.onMessage(from, message, now, out)
    }
  }

  #onBroadcast(broadcast: Broadcast, now: Millis, out: Effect[]): void {
    if (broadcast.author === this.#self) return
    const opened = this.#broadcaster.open(broadcast)
    if (isRejection(opened)) return this.#reject(opened, out)
    this.#membership.applyUpdates(opened.updates, now, out)
    if (opened.availability !== undefined) this.#placement.hear(opened.availability, now, out)
    const { author, records } = broadcast
    if (records.length === 0) return
    this.#replica.noteBroadcast(now)
    this.#replica.joinRecords(author, records, now, opened.vouchesForRecords ? author : null)
  }

  #onRequest(event: Event & { type: 'request-received' }, now: Millis, out: Effect[]): void {
    if (!this.#leaving.isLeaving)
      return this.#requests.onRequest(event.request, event.command, now, out)
    const problem = { code: 'leaving', detail: 'this node is leaving the cluster' } as const
    out.push({ type: 'reply', request: event.request, reply: { ok: false, problem } })
  }

  /**
   * Performs what is due, then lets the modules tell each other what changed until nothing does. After the probes
   * and acks of a calm cluster, which are most of a member's life, nothing did.
   */
  #settle(now: Millis, out: Effect[]): void {
    this.#performDue(now, out)
    if (!this.#isStirred && !this.#membership.hasNews) return
    this.#isStirred = true
    for (let round = 0; this.#settleOnce(now, out); round++)
      invariant(round < limits.settleRounds, 'a step settles')
    this.#registry.refresh(this.#placement.host.runningServices(), out)
    this.#leaving.settle(now, out)
    const updates = this.#membership.takeUrgent()
    const records = this.#replica.takeBatch(now)
    const availability = records.length > 0 ? this.#placement.availability.takeOwn(now) : undefined
    if (updates.length > 0 || records.length > 0)
      this.#broadcaster.publish(updates, records, availability, out)
    this.#requests.settle(now, out)
    for (const rejection of this.#replica.takeRejections()) this.#reject(rejection, out)
  }

  #performDue(now: Millis, out: Effect[]): void {
    if (isDue(this.#membership.deadline(), now)) this.#membership.onDeadlines(now, out)
    const isOtherDue = isDue(this.#othersDeadline, now)
    if (isOtherDue) this.#calm.tell()
    this.#isStirred ||= isOtherDue
    if (!this.#isStirred) return
    if (isDue(this.#replica.deadline(), now)) this.#replica.onDeadlines(now, out)
    if (!isDue(this.#placement.deadline(), now)) return
    // Placement keeps what it was told of members: it acts on what this step has brought, too.
    this.#passOnMembers(now, out)
    this.#placement.onDeadlines(now, out)
  }

  #settleOnce(now: Millis, out: Effect[]): boolean {
    const members = this.#passOnMembers(now, out)
    const records = this.#passOnRecords(now, out)
    const asked = this.#placement.settle(now, out)
    return members || records || asked
  }

  #passOnRecords(now: Millis, out: Effect[]): boolean {
    const keys = this.#replica.takeChanges()
    if (keys.length === 0) return false
    this.#placement.onRecordsChanged(keys, now, out)
    return true
  }

  #passOnMembers(now: Millis, out: Effect[]): boolean {
    for (const member of this.#membership.census.takeForgotten()) {
      this.#memberJournal.forget(member, now)
      this.#placement.availability.forget(member)
    }
    const changes = this.#membership.census.takeChanges()
    if (changes.length === 0) return false
    for (const { update, previous } of changes) {
      this.#memberJournal.note(update, now)
      out.push({ type: 'notify', notification: { type: 'member-changed', update, previous } })
    }
    if (changes.some(isArrival)) this.#placement.availability.noteArrival(now)
    const members = changes.map((change) => change.update.member)
    this.#replica.onMembersChanged(members, now, out)
    this.#placement.onMembersChanged(members, now, out)
    return true
  }

  #exchangeFor(to: MemberId, now: Millis): Exchange {
    return {
      root: this.#replica.root(),
      clock: this.#replica.clock(now),
      availability: this.#placement.availability.entriesFor(to, now),
    }
  }

  #onExchange(from: MemberId, exchange: Exchange, now: Millis, out: EffectSink): void {
    const { root, availability } = exchange
    if (root !== this.#replica.root()) this.#isStirred = true
    this.#replica.antiEntropy.onPeerRoot(from, root, now)
    if (availability.length > 0 && this.#placement.learn(from, availability, now, out))
      this.#isStirred = true
    // Who agrees is not to be asked; and the more members are known, the more rarely what one has free is said again.
    this.#noteDeadline()
  }

  /** All writes of the step are one effect, the first of its list. */
  #persist(now: Millis, sink: EffectSink): void {
    const persist = this.#replica.flush()
    const members = this.#memberJournal.take(persist !== undefined, now)
    const writes = members.length === 0 ? persist?.writes : [...(persist?.writes ?? []), ...members]
    if (writes !== undefined)
      sink.push({ type: 'persist', id: persist?.id ?? this.#nextEffectId(), writes })
    this.#noteDeadline()
  }

  #noteDeadline(): void {
    this.#othersDeadline = earliest(
      this.#replica.deadline(),
      this.#placement.deadline(),
      this.#leaving.deadline,
      this.#memberJournal.deadline,
    )
  }

  #reject(rejection: Rejection, out: Effect[]): void {
    const { reason } = rejection
    this.#rejections.set(reason, (this.#rejections.get(reason) ?? 0) + 1)
    out.push({ type: 'notify', notification: { type: 'message-rejected', rejection } })
  }

  #journaledKeys(): string[] {
    this.#replica.takeChanges()
    return ['job/', 'node/', 'alloc/', 'drain/'].flatMap((kind) => [...this.#replica.keys(kind)])
  }

  #nextEffectId(): EffectId {
    this.#lastEffectId += 1
    return this.#lastEffectId
  }
}

const nothing: Event = { type: 'tick' }

/** Membership hears of its own messages anyway. */
function isNotMembership(message: Message): boolean {
  return !Object.hasOwn(membershipMessages, message.type)
}

/** What only membership hears of, as long as its exchange brings nothing new. */
function isCalm(event: Event): boolean {
  if (event.type === 'tick') return true
  return event.type === 'message-received' && !isNotMembership(event.message)
}

function isDue(deadline: Millis | undefined, now: Millis): boolean {
  return deadline !== undefined && deadline <= now
}
