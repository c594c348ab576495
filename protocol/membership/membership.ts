/**
 * Who is there, as one member sees it. Claims about members form a lattice (`supersedes`), travel as rumours on
 * probes and acks, and are repaired by comparing tables; joins, deaths and refutations go by gossip too.
 * Suspicion is not a claim: it is the observers' own affair until it becomes a death, and it ends as soon as
 * any observer, or the subject itself, says otherwise.
 */
import { Deadlines, earliest } from '../base/deadline.ts'
import { compareText, type MemberId, type Millis } from '../base/id.ts'
import { unreachable } from '../base/invariant.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import type { Exchange, Rejection } from '../message.ts'
import { Awareness } from './awareness.ts'
import { isPresent, type MemberState, type MemberUpdate } from './member.ts'
import { DenseMemberTable, type MemberTable, type SettledState, updateOf } from './member-table.ts'
import type { MembershipMessage } from './message.ts'
import { Neighbourhood } from './neighbourhood.ts'
import { Rumours } from './rumours.ts'
import { TableExchange } from './table-exchange.ts'
import { Watch } from './watch.ts'

export interface MembershipHooks {
  exchangeFor(to: MemberId, now: Millis): Exchange
  onExchange(from: MemberId, exchange: Exchange, now: Millis, out: EffectSink): void
}

/** What the simulator brings of its own. */
export interface MembershipOptions {
  readonly table?: MemberTable
}

export interface MembershipInit extends MembershipOptions {
  readonly config: Config
  readonly self: MemberId
  readonly incarnation: number
  readonly random: Random
  readonly hooks: MembershipHooks
}

export interface MemberChange {
  readonly update: MemberUpdate
  readonly previous: MemberState | null
}

/** A member that we hold for down and that speaks is told so, but not more often than this. */
const claimIntervalMs = 1000

export class Membership {
  readonly #config: Config
  readonly #self: MemberId
  readonly #random: Random
  readonly #hooks: MembershipHooks
  readonly #table: MemberTable
  readonly #tables: TableExchange
  readonly #around: Neighbourhood
  readonly #rumours = new Rumours()
  readonly #awareness = new Awareness()
  readonly #watch: Watch
  readonly #deadlines = new Deadlines()
  readonly #linked = new Set<MemberId>()
  readonly #toldAt = new Map<MemberId, Millis>()
  #incarnation: number
  #hasLeft = false
  #changes: MemberChange[] = []
  #urgent = new Map<MemberId, MemberUpdate>()
  #present: readonly MemberId[] | undefined

  constructor(init: MembershipInit) {
    this.#config = init.config
    this.#self = init.self
    this.#incarnation = init.incarnation
    this.#random = init.random
    this.#hooks = init.hooks
    this.#table = init.table ?? new DenseMemberTable()
    this.#tables = new TableExchange(this.#table)
    this.#around = new Neighbourhood(init.config, init.self)
    this.#watch = new Watch(init.config, this.#awareness, {
      otherObservers: (subject) => this.#around.otherObservers(subject),
      isSubject: (member) => this.#around.subjects().includes(member),
      isLinked: (member) => this.#linked.has(member),
      incarnationOf: (member) => this.incarnationOf(member) ?? 0,
      sendProbe: (to, sequence, now, out) => this.#say('probe', to, sequence, now, out),
      onSuspected: (member, incarnation) => this.#suspected(member, incarnation),
      onCleared: (member) => this.#cleared(member),
      onDead: (member, incarnation, now, out) => this.#dead(member, incarnation, now, out),
    })
  }

  /** What an earlier life knew. */
  seed(updates: readonly MemberUpdate[]): void {
    for (const update of updates) this.#hold(update)
    this.#changes = []
  }

  start(now: Millis, out: EffectSink): void {
    this.#hold({ member: this.#self, incarnation: this.#incarnation, state: 'alive' })
    const phase = this.#random.below(this.#config.probeIntervalMs)
    this.#deadlines.set('turn', now + phase)
    this.#deadlines.set('compare', now + this.#random.below(this.#config.antiEntropyIntervalMs))
    this.#around.keepLinks(this.present(), out)
  }

  onMessage(from: MemberId, message: MembershipMessage, now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    this.#hear(from, message, now, out)
    switch (message.type) {
      case 'join':
        this.#onJoin(from, message.isNew)
        this.#tables.onJoin(from, message.digest, out)
        break
      case 'member-table':
        this.#applyAll(message.updates, now, out)
        this.#tables.onTable(from, message, out)
        break
      case 'probe':
        this.#applyAll(message.updates, now, out)
        this.#hooks.onExchange(from, message.exchange, now, out)
        this.#say('ack', from, message.sequence, now, out)
        break
      case 'ack':
        this.#applyAll(message.updates, now, out)
        this.#hooks.onExchange(from, message.exchange, now, out)
        break
      case 'probe-request':
        if (this.#isCurrent(from, message, out))
          this.#watch.onProbeRequest(from, message.subject, now, out)
        break
      case 'probe-report':
        if (message.incarnation >= (this.incarnationOf(message.subject) ?? 0))
          this.#watch.onReport(from, message, now, out)
        break
      case 'suspect':
        if (this.#isCurrent(from, message, out))
          this.#watch.onSuspect(from, message.subject, now, out)
        break
      case 'claim':
        this.#applyAll(message.updates, now, out)
        break
      default:
        unreachable(message)
    }
    this.#around.keepLinks(this.present(), out)
  }

  /** Something else came from the member: it is alive. */
  onHeard(from: MemberId, now: Millis, out: EffectSink): void {
    this.#watch.onHeard(from, now, out)
  }

  onLinkOpened(member: MemberId, now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    this.#linked.add(member)
    this.#watch.onHeard(member, now, out)
    this.#tables.greet(member, this.#incarnation, out)
  }

  onLinkClosed(member: MemberId, now: Millis, out: EffectSink): void {
    if (!this.#linked.delete(member) || this.#hasLeft) return
    const claim = this.#table.get(member)
    if (claim?.state === 'alive') this.#watch.onLinkClosed(member, now, out)
    this.#around.keepLinks(this.present(), out)
  }

  onLoopDelayed(delayMs: Millis, _now: Millis): void {
    this.#awareness.late(delayMs)
  }

  /** From a verified broadcast. */
  applyUpdates(updates: readonly MemberUpdate[], now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    this.#applyAll(updates, now, out)
    this.#around.keepLinks(this.present(), out)
  }

  leave(_now: Millis, out: EffectSink): void {
    const update: MemberUpdate = {
      member: this.#self,
      incarnation: this.#incarnation,
      state: 'left',
    }
    this.#hold(update)
    this.#urgent.set(this.#self, update)
    for (const to of this.linked())
      out.push({ type: 'send', to, message: { type: 'claim', updates: [update] } })
    this.#hasLeft = true
  }

  deadline(): Millis | undefined {
    if (this.#hasLeft) return undefined
    return earliest(this.#deadlines.next(), this.#watch.deadline())
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.#watch.onDeadlines(now, out)
    for (let key = this.#deadlines.takeDue(now); key !== undefined; ) {
      if (key === 'turn') this.#onTurn(now, out)
      else if (key === 'compare') this.#onCompare(now, out)
      else this.#forget(key.slice('forget/'.length))
      key = this.#deadlines.takeDue(now)
    }
    this.#around.keepLinks(this.present(), out)
  }

  takeChanges(): MemberChange[] {
    const changes = this.#changes
    if (changes.length > 0) this.#changes = []
    return changes
  }

  takeUrgent(): MemberUpdate[] {
    if (this.#urgent.size === 0) return []
    const urgent = [...this.#urgent.values()]
    this.#urgent.clear()
    return urgent.sort((a, b) => compareText(a.member, b.member))
  }

  /** Authenticated members have nothing to send here that the codec does not check. */
  takeRejections(): Rejection[] {
    return []
  }

  stateOf(member: MemberId): MemberState | undefined {
    const state = this.#table.get(member)?.state
    return state === 'alive' && this.#watch.isSuspect(member) ? 'suspect' : state
  }

  incarnationOf(member: MemberId): number | undefined {
    return this.#table.get(member)?.incarnation
  }

  known(): readonly MemberId[] {
    return [...this.#table.ids()].sort(compareText)
  }

  present(): readonly MemberId[] {
    this.#present ??= [...this.#table.ids()].filter((id) => this.#isAlive(id)).sort(compareText)
    return this.#present
  }

  neighbours(): readonly MemberId[] {
    return this.#around.neighbours(this.present())
  }

  linked(): readonly MemberId[] {
    return [...this.#linked].sort(compareText)
  }

  counts(): { alive: number; suspect: number; down: number; left: number } {
    const counts = { alive: 0, suspect: 0, down: 0, left: 0 }
    for (const member of this.#table.ids()) counts[this.stateOf(member)!]++
    return counts
  }

  #isAlive(member: MemberId): boolean {
    return this.#table.get(member)?.state === 'alive'
  }

  #onTurn(now: Millis, out: EffectSink): void {
    this.#deadlines.set('turn', now + this.#config.probeIntervalMs)
    const subjects = this.#around.subjects()
    if (subjects.length === 0) return
    // The clock's turn, the same for all: so that they do not all probe the same one.
    const turn = Math.floor(now / this.#config.probeIntervalMs) % subjects.length
    this.#watch.probe(subjects[turn]!, now, out)
  }

  /** Gossip is a hint: now and then two neighbours see whether they hold the same. */
  #onCompare(now: Millis, out: EffectSink): void {
    this.#deadlines.set('compare', now + this.#config.antiEntropyIntervalMs)
    const to = this.#random.pick(this.linked())
    if (to !== undefined) this.#tables.greet(to, this.#incarnation, out)
    this.#tables.greetLost(this.present().length, this.#random, this.#incarnation, out)
  }

  #say(type: 'probe' | 'ack', to: MemberId, sequence: number, now: Millis, out: EffectSink): void {
    const exchange = this.#hooks.exchangeFor(to, now)
    const incarnation = this.#incarnation
    const updates = this.#rumours.take()
    out.push({ type: 'send', to, message: { type, sequence, incarnation, updates, exchange } })
  }

  /** Nobody else knows the newcomer yet: its first acquaintance tells all. */
  #onJoin(from: MemberId, isNew: boolean): void {
    if (isNew && this.#isAlive(from)) this.#urgent.set(from, updateOf(from, this.#table.get(from)!))
  }

  /** The message itself shows that its sender is alive, under the incarnation that it names. */
  #hear(from: MemberId, message: MembershipMessage, now: Millis, out: EffectSink): void {
    const incarnation = 'sequence' in message || message.type === 'join' ? message.incarnation : 0
    if (incarnation > (this.incarnationOf(from) ?? 0)) {
      const isReturn = this.#table.get(from) !== undefined && !this.#isAlive(from)
      const update: MemberUpdate = { member: from, incarnation, state: 'alive' }
      this.#apply(update, now, out)
      if (isReturn) this.#urgent.set(from, update)
    }
    this.#watch.onHeard(from, now, out)
    if (this.#table.get(from) !== undefined && !this.#isAlive(from)) this.#tell(from, now, out)
  }

  /** What we hold of the member itself, so that it raises its incarnation. */
  #tell(member: MemberId, now: Millis, out: EffectSink): void {
    if (now - (this.#toldAt.get(member) ?? Number.NEGATIVE_INFINITY) < claimIntervalMs) return
    this.#toldAt.set(member, now)
    const updates = [updateOf(member, this.#table.get(member)!)]
    out.push({ type: 'send', to: member, message: { type: 'claim', updates } })
  }

  /** A doubt about us is refuted; one about an old incarnation is answered with what is known since. */
  #isCurrent(
    from: MemberId,
    { subject, incarnation }: { subject: MemberId; incarnation: number },
    out: EffectSink,
  ): boolean {
    if (subject === this.#self) {
      this.#refute(incarnation)
      const updates = [updateOf(subject, this.#table.get(subject)!)]
      out.push({ type: 'send', to: from, message: { type: 'claim', updates } })
      return false
    }
    const claim = this.#table.get(subject)
    if (claim === undefined) return false
    if (claim.state === 'alive' && incarnation >= claim.incarnation) return true
    const updates = [updateOf(subject, claim)]
    out.push({ type: 'send', to: from, message: { type: 'claim', updates } })
    return false
  }

  #refute(incarnation: number): void {
    if (incarnation < this.#incarnation || this.#hasLeft) return
    this.#incarnation = incarnation + 1
    const update: MemberUpdate = {
      member: this.#self,
      incarnation: this.#incarnation,
      state: 'alive',
    }
    this.#hold(update)
    this.#urgent.set(this.#self, update)
    this.#rumours.add(update, this.#table.size)
  }

  #applyAll(updates: readonly MemberUpdate[], now: Millis, out: EffectSink): void {
    for (const update of updates) this.#apply(update, now, out)
  }

  #apply(update: MemberUpdate, now: Millis, out: EffectSink): void {
    if (update.member === this.#self) {
      if (update.state !== 'alive' || update.incarnation > this.#incarnation)
        this.#refute(update.incarnation)
      return
    }
    // Suspicion is not passed on; who hears of one at second hand learns of the member only.
    const state: SettledState = update.state === 'suspect' ? 'alive' : update.state
    if (!this.#hold({ ...update, state })) return
    this.#rumours.add({ ...update, state }, this.#table.size)
    this.#watch.forget(update.member)
    if (state === 'alive') return
    this.#deadlines.set(`forget/${update.member}`, now + this.#config.memberRetentionMs)
    if (state === 'left') return
    // It may hear us still: then it should know, and come back.
    if (this.#linked.has(update.member)) this.#tell(update.member, now, out)
  }

  /** Takes the claim into the table; false when it says nothing new. */
  #hold(update: MemberUpdate): boolean {
    const { member, incarnation } = update
    const state: SettledState = update.state === 'suspect' ? 'alive' : update.state
    const previous = this.stateOf(member) ?? null
    if (!this.#table.apply(member, { incarnation, state })) return false
    this.#changes.push({ update: { member, incarnation, state }, previous })
    if (previous === null || isPresent(previous) !== (state === 'alive')) {
      this.#around.reshape(member, state === 'alive')
      this.#present = undefined
    }
    return true
  }

  #suspected(member: MemberId, incarnation: number): void {
    this.#changes.push({ update: { member, incarnation, state: 'suspect' }, previous: 'alive' })
  }

  #cleared(member: MemberId): void {
    const incarnation = this.incarnationOf(member) ?? 0
    this.#changes.push({ update: { member, incarnation, state: 'alive' }, previous: 'suspect' })
  }

  #dead(member: MemberId, incarnation: number, now: Millis, out: EffectSink): void {
    const update: MemberUpdate = { member, incarnation, state: 'down' }
    this.#apply(update, now, out)
    if (this.#table.get(member)?.state === 'down') this.#urgent.set(member, update)
  }

  #forget(member: MemberId): void {
    if (this.#isAlive(member)) return
    this.#table.forget(member)
    this.#toldAt.delete(member)
  }
}
