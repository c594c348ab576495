/**
 * One observer's view of those that it watches: whom it probes, who answers, whose link closed. What follows from a
 * probe that fails is in doubts.ts. Whatever is heard from the subject meanwhile ends it all.
 *
 * Probing and indirect probing are SWIM's (Das et al., DSN 2002, section 3.1); that the subject's fixed observers
 * are asked, and not members drawn by lot, is Rapid's: the same few know at once whether their links broke too.
 */

import { Deadlines, earlier } from '../base/deadline.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { Patience } from '../base/patience.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import type { Awareness } from './awareness.ts'
import { Doubts } from './doubts.ts'
import { unsent } from './pulse.ts'

/** How fresh a word from the subject must be to vouch for it without another probe. */
const freshMs = 250
const nobody: readonly MemberId[] = []

interface Probing {
  readonly sequence: number
  readonly sentAt: Millis
  readonly isRetry: boolean
  /** Observers that asked, and get a report. */
  readonly waiting: readonly MemberId[]
  /** Whether a failure makes us ask in turn: not when another observer has asked us. */
  readonly isOwn: boolean
}

/** Of a turn. */
const ordinary = { isRetry: false, isOwn: true, waiting: nobody } as const

/** The last probe that was sent: `sentAt` is `unsent` once it is answered; no subject once that was heard. */
export interface ProbeUnderWay {
  readonly sequence: number
  readonly sentAt: Millis
  readonly subject: MemberId | undefined
  readonly timeoutAt: Millis
}

export interface WatchHooks {
  /** The present observers of the subject other than self. */
  otherObservers(subject: MemberId): MemberId[]
  isSubject(member: MemberId): boolean
  /** It observes us, or we observe it: the link to it is kept. */
  isNeighbour(member: MemberId): boolean
  isLinked(member: MemberId): boolean
  incarnationOf(member: MemberId): number
  sendProbe(subject: MemberId, sequence: number, now: Millis, out: EffectSink): void
  onSuspected(subject: MemberId): void
  onCleared(subject: MemberId): void
  onDead(subject: MemberId, incarnation: number, now: Millis, out: EffectSink): void
}

export class Watch {
  readonly #config: Config
  readonly #awareness: Awareness
  readonly #hooks: WatchHooks
  readonly #probing = new SparseMap<MemberId, Probing>()
  readonly #doubts: Doubts
  readonly #heardAt = new Map<MemberId, Millis>()
  /** Members whose last link closed, and of whom nothing was heard since. */
  readonly #cutOff = new SparseSet<MemberId>()
  /** Members that did not answer our last probe, and of whom nothing was heard since. */
  readonly #silent = new SparseSet<MemberId>()
  /** Nobody is doubted, and no answer is awaited. */
  #isCalm = true
  readonly #deadlines = new Deadlines()
  readonly patience = new Patience()
  /** When the last probes were sent, by sequence: also of those that are given up, whose answers may still come. */
  readonly #sentAt = new SparseMap<number, Millis>()
  #sequence = 0

  constructor(
    init: { readonly config: Config; readonly self: MemberId },
    awareness: Awareness,
    hooks: WatchHooks,
  ) {
    this.#config = init.config
    this.#awareness = awareness
    this.#hooks = hooks
    this.#doubts = new Doubts(init, {
      otherObservers: (subject) => hooks.otherObservers(subject),
      isLinked: (member) => hooks.isLinked(member),
      isCutOff: (member) => this.#cutOff.has(member),
      incarnationOf: (member) => hooks.incarnationOf(member),
      probeTimeoutMs: () => this.probeTimeoutMs,
      onUnanswered: () => awareness.change(1),
      onSuspected: (subject) => hooks.onSuspected(subject),
      onCleared: (subject) => hooks.onCleared(subject),
      onDead: (subject, incarnation, now, out) => hooks.onDead(subject, incarnation, now, out),
    })
  }

  isSuspect(member: MemberId): boolean {
    return this.#doubts.isSuspect(member)
  }

  get suspected(): number {
    return this.#doubts.suspected
  }

  /** Nobody is doubted, and at most the probe of a turn, our last, is under way. */
  get isAtRest(): boolean {
    if (this.#countDoubts() > 0 || this.#probing.size > 1) return false
    for (const [subject, { isOwn, isRetry, waiting, sequence }] of this.#probing) {
      if (!isOwn || isRetry || waiting.length > 0 || sequence !== this.#sequence) return false
      if (!this.#hooks.isNeighbour(subject)) return false
    }
    return true
  }

  /** What is under way goes on elsewhere until it is taken back. */
  handOver(): ProbeUnderWay {
    const sequence = this.#sequence
    const sentAt = this.#sentAt.get(sequence) ?? unsent
    this.#sentAt.delete(sequence)
    const [subject] = this.#probing.keys()
    const timeoutAt = this.#deadlines.next() ?? Number.POSITIVE_INFINITY
    if (subject !== undefined) this.#endProbe(subject)
    this.#isCalm = true
    return { sequence, sentAt, subject, timeoutAt }
  }

  takeBack({ sequence, sentAt, subject, timeoutAt }: ProbeUnderWay): void {
    this.#sequence = sequence
    for (const old of this.#sentAt.keys())
      if (old <= sequence - limits.probesRemembered) this.#sentAt.delete(old)
    if (sentAt !== unsent) this.#sentAt.set(sequence, sentAt)
    if (subject === undefined) return
    this.#isCalm = false
    this.#probing.set(subject, { ...ordinary, sequence, sentAt })
    this.#deadlines.set(`probe/${subject}`, timeoutAt)
  }

  /** As it was told elsewhere. */
  noteHeard(member: MemberId, at: Millis): void {
    this.#heardAt.set(member, Math.max(at, this.#heardAt.get(member) ?? at))
  }

  /** We were asleep: what came meanwhile is not read yet, and nobody else is to blame. */
  postpone(byMs: Millis): void {
    this.#doubts.postpone(byMs)
    for (const subject of this.#probing.keys()) this.#deadlines.postpone(`probe/${subject}`, byMs)
  }

  heardWithin(member: MemberId, ms: Millis, now: Millis): boolean {
    return now - (this.#heardAt.get(member) ?? Number.NEGATIVE_INFINITY) <= ms
  }

  get probeTimeoutMs(): Millis {
    return this.patience.atLeast(this.#config.probeTimeoutMs * this.#awareness.multiplier)
  }

  deadline(): Millis | undefined {
    return earlier(this.#deadlines.next(), this.#doubts.deadline())
  }

  probe(subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#probing.has(subject) || this.#doubts.isAsking(subject)) return
    this.#start(subject, ordinary, now, out)
  }

  /**
   * Whoever is suspected may have been heard by others only, or not be our subject any more; and a subject of
   * whom nothing was heard does not have to wait for its turn.
   */
  probeDoubtful(subjects: readonly MemberId[], now: Millis, out: EffectSink): void {
    if (this.#isCalm) return
    for (const subject of this.#doubts.subjects()) this.probe(subject, now, out)
    if (this.#silent.size + this.#cutOff.size === 0) return
    for (const subject of subjects)
      if (this.#silent.has(subject) || this.#cutOff.has(subject)) this.probe(subject, now, out)
  }

  /** How long the answer took, even when nobody waits for it any more. */
  onAck(sequence: number, now: Millis): void {
    const sentAt = this.#sentAt.get(sequence)
    if (sentAt === undefined) return
    this.#sentAt.delete(sequence)
    this.patience.observe(now - sentAt)
  }

  /** Anything from the member shows that it is alive. */
  onHeard(member: MemberId, now: Millis, out: EffectSink): void {
    this.#heardAt.set(member, now)
    if (this.#isCalm) return
    this.#cutOff.delete(member)
    this.#silent.delete(member)
    const probing = this.#probing.get(member)
    if (probing !== undefined) {
      this.#endProbe(member)
      this.#awareness.change(-1)
      for (const observer of probing.waiting) this.#doubts.report(observer, member, true, out)
    }
    this.#doubts.onHeard(member, out)
    this.#isCalm = this.#probing.size + this.#countDoubts() === 0
  }

  #countDoubts(): number {
    return this.#doubts.size + this.#cutOff.size + this.#silent.size
  }

  /** Links that are not kept close when they are idle: that says nothing of their other end. */
  onLinkClosed(member: MemberId, now: Millis, out: EffectSink): void {
    this.#heardAt.delete(member)
    if (!this.#hooks.isNeighbour(member) && !this.#probing.has(member)) return
    this.#cutOff.add(member)
    this.#isCalm = false
    this.#doubts.review(out)
    if (this.#probing.has(member)) this.#onProbeFailed(member, now, out)
    else if (this.#hooks.isSubject(member)) this.#doubts.ask(member, { atOnce: true }, now, out)
  }

  /**
   * The rings have changed: of those that we are to observe from now on, who has no link to us has perhaps died
   * with its observers, and does not wait for its turn.
   */
  onReshaped(before: readonly MemberId[], subjects: readonly MemberId[], out: EffectSink): void {
    for (const subject of subjects === before ? nobody : subjects) {
      if (before.includes(subject) || this.#hooks.isLinked(subject)) continue
      this.#silent.add(subject)
      this.#isCalm = false
    }
    this.#doubts.review(out)
  }

  onProbeRequest(from: MemberId, subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#isFresh(subject, now)) return this.#doubts.report(from, subject, true, out)
    // Who asks did not reach it either.
    this.#doubts.confirm(from, subject, out)
    if (this.#cutOff.has(subject)) return this.#doubts.report(from, subject, false, out)
    const probing = this.#probing.get(subject)
    if (probing !== undefined) this.#awaitToo(from, subject, probing)
    else this.#start(subject, { isRetry: false, isOwn: false, waiting: [from] }, now, out)
  }

  #awaitToo(observer: MemberId, subject: MemberId, probing: Probing): void {
    if (probing.waiting.includes(observer)) return
    this.#probing.set(subject, { ...probing, waiting: [...probing.waiting, observer] })
  }

  onReport(
    from: MemberId,
    { subject, reached }: { subject: MemberId; reached: boolean },
    out: EffectSink,
  ): void {
    if (reached) this.#doubts.clear(subject)
    else this.#doubts.confirm(from, subject, out)
  }

  /** Another observer suspects it. */
  onSuspect(from: MemberId, subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#doubts.has(subject)) this.#doubts.confirm(from, subject, out)
    else this.onProbeRequest(from, subject, now, out)
  }

  /** Nothing is kept of the member. */
  forgetAll(member: MemberId): void {
    this.forget(member)
    this.#heardAt.delete(member)
  }

  /** The member is down, left, or back under a higher incarnation: what was open about it is void. */
  forget(member: MemberId): void {
    this.#endProbe(member)
    this.#doubts.forget(member)
    this.#cutOff.delete(member)
    this.#silent.delete(member)
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    this.#doubts.onDeadlines(now, out)
    for (const key of this.#deadlines.due(now))
      this.#onProbeFailed(key.slice('probe/'.length), now, out)
  }

  #start(
    subject: MemberId,
    how: Omit<Probing, 'sequence' | 'sentAt'>,
    now: Millis,
    out: EffectSink,
  ): void {
    if (this.#probing.has(subject)) return
    this.#sequence += 1
    this.#isCalm = false
    this.#probing.set(subject, { ...how, sequence: this.#sequence, sentAt: now })
    this.#sentAt.set(this.#sequence, now)
    this.#sentAt.delete(this.#sequence - limits.probesRemembered)
    this.#deadlines.set(`probe/${subject}`, now + this.probeTimeoutMs)
    this.#hooks.sendProbe(subject, this.#sequence, now, out)
  }

  #endProbe(subject: MemberId): void {
    this.#probing.delete(subject)
    this.#deadlines.clear(`probe/${subject}`)
  }

  #onProbeFailed(subject: MemberId, now: Millis, out: EffectSink): void {
    const probing = this.#probing.get(subject)
    if (probing === undefined) return
    this.#endProbe(subject)
    this.#silent.add(subject)
    this.#isCalm = false
    for (const observer of probing.waiting) this.#doubts.report(observer, subject, false, out)
    if (!probing.isOwn || this.#doubts.has(subject)) return
    const isAlone = this.#hooks.otherObservers(subject).length === 0
    const isLinked = this.#hooks.isLinked(subject)
    // With nobody to ask, one lost message must not be enough.
    if (isAlone && !probing.isRetry && isLinked)
      return this.#start(subject, { isRetry: true, isOwn: true, waiting: nobody }, now, out)
    this.#doubts.ask(subject, { atOnce: this.#cutOff.has(subject) }, now, out)
  }

  #isFresh(member: MemberId, now: Millis): boolean {
    return this.heardWithin(member, freshMs, now)
  }
}
