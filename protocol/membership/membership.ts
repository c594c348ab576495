/**
 * Who is there, as one member sees it. Claims about members form a lattice (`supersedes`), travel as rumours on
 * probes and acks, and are repaired by comparing tables; joins, deaths and refutations go by gossip too.
 * Suspicion is not a claim: it is the observers' own affair until it becomes a death, and it ends as soon as
 * any observer, or the subject itself, says otherwise.
 */

import { earliest } from '../base/deadline.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { unreachable } from '../base/invariant.ts'
import type { Random } from '../base/random.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { Awareness } from './awareness.ts'
import { Census } from './census.ts'
import { Claims } from './claims.ts'
import { Hearsay, isContradicted } from './hearsay.ts'
import { LinkSet } from './link-set.ts'
import { Lost } from './lost.ts'
import { isBelievable, type MemberState, type MemberUpdate, type PastUpdate } from './member.ts'
import { MemberTable, type SettledState } from './member-table.ts'
import type { Join, MembershipMessage } from './message.ts'
import { Neighbourhood } from './neighbourhood.ts'
import { PulseTable } from './pulse.ts'
import { Pulse, type Rest } from './pulse-row.ts'
import { ProbeRings } from './ring.ts'
import { Rumours, UrgentUpdates } from './rumours.ts'
import type { MembershipHooks, MembershipInit } from './surroundings.ts'
import { TableExchange } from './table-exchange.ts'
import { Turns } from './turns.ts'
import { Watch } from './watch.ts'

export class Membership {
  readonly #config: Config
  readonly #self: MemberId
  readonly #random: Random
  readonly #hooks: MembershipHooks
  readonly census: Census
  readonly tables: TableExchange
  readonly around: Neighbourhood
  readonly #rumours = new Rumours()
  readonly #urgent = new UrgentUpdates()
  readonly #awareness = new Awareness()
  readonly #watch: Watch
  readonly links = new LinkSet()
  readonly #hearsay = new Hearsay()
  readonly #claims: Claims
  readonly #turns: Turns
  readonly #lost: Lost
  readonly pulse: Pulse
  #incarnation: number
  #hasLeft = false
  /** Whom it observed before somebody died or left, and the rings closed behind. */
  #subjectsBefore: readonly MemberId[] | undefined

  constructor(init: MembershipInit) {
    this.#config = init.config
    this.#self = init.self
    this.#incarnation = init.incarnation
    this.#random = init.random
    this.#hooks = init.hooks
    const table = new MemberTable(init.maps)
    const rings = init.presence?.() ?? new ProbeRings(init.config.ringsMin, init.config.ringsMax)
    this.around = new Neighbourhood(init.config, init.self, rings)
    this.census = new Census(table, this.around, (member) => this.#watch.isSuspect(member))
    this.#claims = new Claims(this.census)
    this.tables = new TableExchange({
      table,
      isLinked: (member) => this.links.has(member),
      incarnation: () => this.#incarnation,
    })
    this.#lost = new Lost({
      ...init,
      census: this.census,
      greet: (member, out) => this.tables.greet(member, out),
      onForgotten: (member) => {
        this.#watch.forgetAll(member)
        this.#claims.forget(member)
      },
    })
    this.#turns = new Turns(init.config, init.self)
    this.#watch = new Watch(init, this.#awareness, {
      otherObservers: (subject) => this.around.otherObservers(subject),
      isSubject: (member) => this.around.subjects().includes(member),
      isNeighbour: (member) => this.around.neighbours().includes(member),
      isLinked: (member) => this.links.has(member),
      incarnationOf: (member) => this.incarnationOf(member) ?? 0,
      sendProbe: (to, sequence, now, out) => this.#say('probe', to, sequence, now, out),
      onSuspected: (member) => this.census.noteDoubt(member, true),
      onCleared: (member) => this.census.noteDoubt(member, false),
      onDead: (member, incarnation, now, out) => this.#dead(member, incarnation, now, out),
    })
    const place = init.pulse ?? { table: new PulseTable(init.config, 1), row: 0 }
    const parts = { turns: this.#turns, watch: this.#watch, around: this.around }
    this.pulse = new Pulse(place, parts)
  }

  /** What an earlier life knew. */
  seed(updates: readonly MemberUpdate[]): void {
    for (const update of updates) this.census.hold(update)
    this.census.takeChanges()
  }

  /** What another member knows, of the two of them too. */
  adopt(other: Membership): void {
    this.census.adopt(other.census)
  }

  start(now: Millis, out: EffectSink): void {
    this.census.hold(this.#ownClaim('alive'))
    for (const member of this.census.dead()) this.#lost.add(member, now)
    this.#turns.advance(this.around.subjects(), now)
    this.around.keepLinks(out)
  }

  onMessage(from: MemberId, message: MembershipMessage, now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    this.#hear(from, message, now, out)
    switch (message.type) {
      case 'join':
        this.#onJoin(from, message, now, out)
        break
      case 'member-table':
        this.#applyAll(message.updates, now, out)
        this.tables.onTable(from, message, out)
        break
      case 'probe':
        this.#applyAll(message.updates, now, out)
        this.#hooks.onExchange(from, message.exchange, now, out)
        this.#say('ack', from, message.sequence, now, out)
        break
      case 'ack':
        this.#watch.onAck(message.sequence, now)
        this.#applyAll(message.updates, now, out)
        this.#hooks.onExchange(from, message.exchange, now, out)
        break
      case 'probe-request':
        if (this.#isCurrent(from, message, out))
          this.#watch.onProbeRequest(from, message.subject, now, out)
        break
      case 'probe-report':
        if (message.incarnation >= (this.incarnationOf(message.subject) ?? 0))
          this.#watch.onReport(from, message, out)
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
    this.#settle(out)
  }

  onHeard(from: MemberId, now: Millis, out: EffectSink): void {
    this.#hearsay.drop(from)
    this.#watch.onHeard(from, now, out)
  }

  onLinkOpened(member: MemberId, now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    this.links.add(member)
    this.onHeard(member, now, out)
    this.tables.greetSoon(member, now, out)
  }

  onLinkClosed(member: MemberId, now: Millis, out: EffectSink): void {
    if (!this.links.delete(member) || this.#hasLeft) return
    if (this.census.isAlive(member)) this.#watch.onLinkClosed(member, now, out)
    this.#settle(out)
  }

  onLoopDelayed(delayMs: Millis): void {
    this.#awareness.late(delayMs)
    this.#watch.postpone(delayMs)
  }

  /** From a verified broadcast. */
  applyUpdates(updates: readonly MemberUpdate[], now: Millis, out: EffectSink): void {
    if (this.#hasLeft) return
    // Its author declared a death from what it saw itself; but we may have heard the member since.
    const heard = ({ member }: MemberUpdate) =>
      this.#watch.heardWithin(member, this.#config.probeIntervalMs, now)
    for (const each of this.#believable(updates))
      if (heard(each) && this.#contradicts(each)) this.#doubt(each, now, out)
      else this.#apply(each, now, out)
    this.#settle(out)
  }

  /** Works in deaths of members that were not near, linked or doubted here (distant-deaths.ts). */
  bury(deaths: readonly PastUpdate[]): void {
    for (const { update, at } of deaths) {
      this.census.bury(update)
      this.#rumours.drop(update.member)
      this.#watch.forget(update.member)
      this.#lost.add(update.member, at)
      this.tables.noteChange(at)
    }
  }

  leave(_now: Millis, out: EffectSink): void {
    const update = this.#ownClaim('left')
    this.census.hold(update)
    this.#urgent.add(update)
    for (const to of this.links.list()) this.#claims.tell(to, this.#self, out)
    this.#hasLeft = true
  }

  deadline(): Millis | undefined {
    if (this.#hasLeft) return undefined
    return earliest(
      this.#turns.at,
      this.#hearsay.deadline(),
      this.tables.deadline(),
      this.#lost.deadline(),
      this.#watch.deadline(),
    )
  }

  /** Undefined while somebody is doubted, or something waits to be told or decided. */
  rest(): Rest | undefined {
    if (this.#hasLeft || this.hasNews || !this.#rumours.isEmpty || !this.#hearsay.isEmpty) return
    if (this.#awareness.multiplier > 1 || !this.#watch.isAtRest) return
    const never = Number.POSITIVE_INFINITY
    const next = earliest(this.#hearsay.deadline(), this.tables.deadline(), this.#lost.forgetAt)
    return {
      incarnation: this.#incarnation,
      digest: this.census.digestWords,
      greetsFrom: this.tables.greetsFrom,
      lost: this.census.size - this.census.presentCount,
      seekAt: this.#lost.seekAt ?? never,
      otherAt: next ?? never,
    }
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.#watch.onDeadlines(now, out)
    for (const update of this.#hearsay.takeDue(now)) this.#learn(update, now, out)
    this.tables.onDeadlines(now, out)
    this.#lost.onDeadlines(now, out)
    if (this.#turns.at <= now) this.#onTurn(now, out)
    this.#settle(out)
  }

  /** Whether the census has, or `takeUrgent`. */
  get hasNews(): boolean {
    return this.census.hasNews || !this.#urgent.isEmpty
  }

  takeUrgent(): MemberUpdate[] {
    return this.#urgent.take()
  }

  stateOf(member: MemberId): MemberState | undefined {
    return this.census.stateOf(member)
  }

  incarnationOf(member: MemberId): number | undefined {
    return this.census.get(member)?.incarnation
  }

  #onTurn(now: Millis, out: EffectSink): void {
    const subjects = this.around.subjects()
    this.#watch.probeDoubtful(subjects, now, out)
    if (subjects.length > 0) this.#watch.probe(this.#turns.subject(subjects), now, out)
    const compared = this.#turns.compared(subjects)
    if (compared !== undefined) this.tables.compare(compared, now, out)
    this.#turns.advance(subjects, now)
  }

  #say(type: 'probe' | 'ack', to: MemberId, sequence: number, now: Millis, out: EffectSink): void {
    const exchange = this.#hooks.exchangeFor(to, now)
    const incarnation = this.#incarnation
    const updates = this.#rumours.take()
    out.push({ type: 'send', to, message: { type, sequence, incarnation, updates, exchange } })
  }
  /** Nobody else knows the newcomer yet: its first acquaintance tells all. */
  #onJoin(from: MemberId, join: Join, now: Millis, out: EffectSink): void {
    if (join.isNew && this.census.isAlive(from)) this.#urgent.add(this.census.updateOf(from))
    this.tables.onJoin(from, join, now, out)
  }

  /** The message itself shows that its sender is alive, under the incarnation that it names. */
  #hear(from: MemberId, message: MembershipMessage, now: Millis, out: EffectSink): void {
    const incarnation = 'sequence' in message || message.type === 'join' ? message.incarnation : 0
    const held = this.census.get(from)
    const isDead = held !== undefined && held.state !== 'alive'
    if (incarnation > (held?.incarnation ?? 0)) {
      const update: MemberUpdate = { member: from, incarnation, state: 'alive' }
      this.#learn(update, now, out)
      if (isDead) this.#urgent.add(update)
    }
    this.onHeard(from, now, out)
    if (isDead && !this.census.isAlive(from)) this.#claims.remind(from, now, out)
  }

  /** A doubt about us is refuted; one about an old incarnation is answered with what is known since. */
  #isCurrent(
    from: MemberId,
    { subject, incarnation }: { subject: MemberId; incarnation: number },
    out: EffectSink,
  ): boolean {
    const claim = this.census.get(subject)
    if (claim === undefined || !isBelievable(incarnation, claim.incarnation)) return false
    const isAboutUs = subject === this.#self
    // To be heard is enough against a doubt; only a death has to be outbid.
    if (isAboutUs && incarnation > this.#incarnation) this.#refute(incarnation)
    else if (!isAboutUs && claim.state === 'alive' && incarnation >= claim.incarnation) return true
    this.#claims.tell(from, subject, out)
    return false
  }

  #ownClaim(state: 'alive' | 'left'): MemberUpdate {
    return { member: this.#self, incarnation: this.#incarnation, state }
  }

  #refute(incarnation: number): void {
    if (incarnation < this.#incarnation || this.#hasLeft) return
    this.#incarnation = incarnation + 1
    const update = this.#ownClaim('alive')
    this.census.hold(update)
    this.#urgent.add(update)
    this.#rumours.add(update, this.census.size)
  }

  #applyAll(updates: readonly MemberUpdate[], now: Millis, out: EffectSink): void {
    for (const update of this.#believable(updates))
      if (this.#contradicts(update)) this.#doubt(update, now, out)
      else this.#learn(update, now, out)
  }

  #believable(updates: readonly MemberUpdate[]): readonly MemberUpdate[] {
    return updates.filter(({ member, incarnation }) =>
      isBelievable(incarnation, this.census.get(member)?.incarnation),
    )
  }

  #contradicts(update: MemberUpdate): boolean {
    const isSuspect = this.#watch.isSuspect(update.member)
    const here = { isLinked: this.links.has(update.member), isSuspect }
    return isContradicted(update, this.census.get(update.member), here)
  }

  /** The member is told, and probed. */
  #doubt(update: MemberUpdate, now: Millis, out: EffectSink): void {
    const { member } = update
    if (!this.#hearsay.hold(update, now + 2 * this.#watch.probeTimeoutMs)) return
    out.push({ type: 'send', to: member, message: { type: 'claim', updates: [update] } })
    this.#watch.probe(member, now, out)
  }

  /** What others may not know yet; who has it from a broadcast does not pass it on, as that goes to all. */
  #learn(update: MemberUpdate, now: Millis, out: EffectSink): void {
    if (this.#apply(update, now, out))
      this.#rumours.add(this.census.updateOf(update.member), this.census.size)
  }

  /** True if it was news. */
  #apply(update: MemberUpdate, now: Millis, out: EffectSink): boolean {
    const { member } = update
    if (member === this.#self) {
      if (update.state !== 'alive' || update.incarnation > this.#incarnation)
        this.#refute(update.incarnation)
      return false
    }
    // Suspicion is not passed on; who hears of one at second hand learns of the member only.
    const state: SettledState = update.state === 'suspect' ? 'alive' : update.state
    if (state !== 'alive' && this.census.get(member) === undefined) return false
    const subjects = this.around.subjects()
    if (!this.census.hold({ ...update, state })) return false
    this.tables.noteChange(now)
    this.#rumours.drop(member)
    this.#watch.forget(member)
    if (state === 'alive') return true
    this.#subjectsBefore ??= subjects
    this.#lost.add(member, now)
    // It may hear us still: then it should know, and come back.
    if (state === 'down' && this.links.has(member)) this.#claims.remind(member, now, out)
    return true
  }

  #dead(member: MemberId, incarnation: number, now: Millis, out: EffectSink): void {
    this.#learn({ member, incarnation, state: 'down' }, now, out)
    if (this.stateOf(member) === 'down') this.#urgent.add(this.census.updateOf(member))
  }

  #settle(out: EffectSink): void {
    this.around.keepLinks(out)
    const before = this.#subjectsBefore
    if (before === undefined) return
    this.#subjectsBefore = undefined
    this.#watch.onReshaped(before, this.around.subjects(), out)
  }
}
