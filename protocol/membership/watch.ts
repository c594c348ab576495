/**
 * One observer's view of those that it watches. A direct probe that fails makes it ask the subject's other
 * observers; only when none of them reaches the subject either does it suspect, tells everyone concerned, and
 * waits for a refutation: long while it is alone, short once the others have confirmed. Whatever is heard from
 * the subject meanwhile ends it all.
 *
 * Probing and indirect probing are SWIM's (Das et al., DSN 2002, section 3.1); that the subject's fixed observers
 * are asked, and not members drawn by lot, is Rapid's: the same few know at once whether their links broke too.
 */

import { Deadlines } from '../base/deadline.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { mulDiv } from '../base/integer.ts'
import { SparseMap, SparseSet } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { limits } from '../limits.ts'
import type { Awareness } from './awareness.ts'
import { Patience } from '../base/patience.ts'
import { suspicionTimeoutMs } from './suspicion.ts'

/** Observers of one member declare its death one after the other, so that one broadcast is enough. */
const declareStaggerMs = 40
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

interface Asking {
  /** Those whose report is awaited, or has come. */
  others: readonly MemberId[]
  readonly unreached: Set<MemberId>
}

interface Suspicion {
  readonly incarnation: number
  readonly startedAt: Millis
  readonly confirmers: Set<MemberId>
}

export interface WatchHooks {
  /** The present observers of the subject other than self. */
  otherObservers(subject: MemberId): MemberId[]
  isSubject(member: MemberId): boolean
  isLinked(member: MemberId): boolean
  incarnationOf(member: MemberId): number
  sendProbe(subject: MemberId, sequence: number, now: Millis, out: EffectSink): void
  onSuspected(subject: MemberId, incarnation: number, now: Millis, out: EffectSink): void
  onCleared(subject: MemberId, out: EffectSink): void
  onDead(subject: MemberId, incarnation: number, now: Millis, out: EffectSink): void
}

export class Watch {
  readonly #self: MemberId
  readonly #config: Config
  readonly #awareness: Awareness
  readonly #hooks: WatchHooks
  readonly #probing = new SparseMap<MemberId, Probing>()
  readonly #asking = new SparseMap<MemberId, Asking>()
  readonly #suspicions = new SparseMap<MemberId, Suspicion>()
  readonly #heardAt = new Map<MemberId, Millis>()
  /** Members whose last link closed, and of whom nothing was heard since. */
  readonly #cutOff = new SparseSet<MemberId>()
  /** Members that did not answer our last probe, and of whom nothing was heard since. */
  readonly #silent = new SparseSet<MemberId>()
  /** Nobody is doubted, and no answer is awaited. */
  #isCalm = true
  readonly #deadlines = new Deadlines()
  readonly #patience = new Patience()
  /** When the last probes were sent, by sequence: also of those that are given up, whose answers may still come. */
  readonly #sentAt = new SparseMap<number, Millis>()
  #sequence = 0

  constructor(
    { config, self }: { config: Config; self: MemberId },
    awareness: Awareness,
    hooks: WatchHooks,
  ) {
    this.#self = self
    this.#config = config
    this.#awareness = awareness
    this.#hooks = hooks
  }

  isSuspect(member: MemberId): boolean {
    return this.#suspicions.has(member)
  }

  get suspected(): number {
    return this.#suspicions.size
  }

  /** We were asleep: what came meanwhile is not read yet, and nobody else is to blame. */
  postpone(byMs: Millis): void {
    for (const [subject, suspicion] of this.#suspicions) {
      this.#suspicions.set(subject, { ...suspicion, startedAt: suspicion.startedAt + byMs })
      this.#armSuspicion(subject)
    }
    for (const subject of this.#probing.keys()) this.#deadlines.postpone(`probe/${subject}`, byMs)
    for (const subject of this.#asking.keys()) this.#deadlines.postpone(`ask/${subject}`, byMs)
  }

  heardWithin(member: MemberId, ms: Millis, now: Millis): boolean {
    return now - (this.#heardAt.get(member) ?? Number.NEGATIVE_INFINITY) <= ms
  }

  get probeTimeoutMs(): Millis {
    return this.#patience.atLeast(this.#config.probeTimeoutMs * this.#awareness.multiplier)
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  probe(subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#probing.has(subject) || this.#asking.has(subject)) return
    this.#start(subject, { isRetry: false, isOwn: true, waiting: nobody }, now, out)
  }

  /**
   * Whoever is suspected may have been heard by others only, or not be our subject any more; and a subject of
   * whom nothing was heard does not have to wait for its turn.
   */
  probeDoubtful(subjects: readonly MemberId[], now: Millis, out: EffectSink): void {
    if (this.#isCalm) return
    for (const subject of this.#suspicions.keys()) this.probe(subject, now, out)
    if (this.#silent.size + this.#cutOff.size === 0) return
    for (const subject of subjects)
      if (this.#silent.has(subject) || this.#cutOff.has(subject)) this.probe(subject, now, out)
  }

  /** How long the answer took, even when nobody waits for it any more. */
  onAck(sequence: number, now: Millis): void {
    const sentAt = this.#sentAt.get(sequence)
    if (sentAt === undefined) return
    this.#sentAt.delete(sequence)
    this.#patience.observe(now - sentAt)
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
      for (const observer of probing.waiting) this.#report(observer, member, true, out)
    }
    this.#clear(member, out)
    this.#isCalm = this.#probing.size + this.#countDoubts() === 0
  }

  #countDoubts(): number {
    return this.#asking.size + this.#suspicions.size + this.#cutOff.size + this.#silent.size
  }

  onLinkClosed(member: MemberId, now: Millis, out: EffectSink): void {
    this.#heardAt.delete(member)
    this.#cutOff.add(member)
    this.#isCalm = false
    this.#stopWaitingFor(member, now, out)
    for (const suspected of this.#suspicions.keys()) this.#armSuspicion(suspected)
    if (this.#probing.has(member)) this.#onProbeFailed(member, now, out)
    else if (this.#hooks.isSubject(member) && !this.#asking.has(member)) this.#ask(member, now, out)
  }

  /** Who is cut off itself cannot report: when many die at once, they would be waited for. */
  #stopWaitingFor(observer: MemberId, now: Millis, out: EffectSink): void {
    for (const [subject, asking] of this.#asking) {
      if (!asking.others.includes(observer) || asking.unreached.has(observer)) continue
      asking.others = asking.others.filter((other) => other !== observer)
      if (asking.unreached.size >= asking.others.length) this.#suspect(subject, asking, now, out)
    }
  }

  onProbeRequest(from: MemberId, subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#isFresh(subject, now)) return this.#report(from, subject, true, out)
    if (this.#cutOff.has(subject)) return this.#report(from, subject, false, out)
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
    now: Millis,
    out: EffectSink,
  ): void {
    if (reached) {
      this.#asking.delete(subject)
      this.#deadlines.clear(`ask/${subject}`)
      this.#clear(subject, out)
      return
    }
    const asking = this.#asking.get(subject)
    if (asking?.others.includes(from)) {
      asking.unreached.add(from)
      if (asking.unreached.size === asking.others.length) this.#suspect(subject, asking, now, out)
    } else this.#confirm(from, subject)
  }

  /** Another observer suspects it too. */
  onSuspect(from: MemberId, subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#suspicions.has(subject)) return this.#confirm(from, subject)
    const asking = this.#asking.get(subject)
    if (asking !== undefined) {
      asking.unreached.add(from)
      if (asking.unreached.size >= asking.others.length) this.#suspect(subject, asking, now, out)
      return
    }
    if (this.#isFresh(subject, now)) return this.#report(from, subject, true, out)
    if (this.#hooks.isLinked(subject)) return this.onProbeRequest(from, subject, now, out)
    const others = this.#hooks.otherObservers(subject)
    this.#suspect(subject, { others, unreached: new Set([from]) }, now, out)
  }

  /** Nothing is kept of the member. */
  forgetAll(member: MemberId): void {
    this.forget(member)
    this.#heardAt.delete(member)
    this.#cutOff.delete(member)
    this.#silent.delete(member)
  }

  /** The member is down, left, or back under a higher incarnation: what was open about it is void. */
  forget(member: MemberId): void {
    this.#endProbe(member)
    this.#asking.delete(member)
    this.#suspicions.delete(member)
    this.#deadlines.clear(`ask/${member}`)
    this.#deadlines.clear(`suspect/${member}`)
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    for (;;) {
      const key = this.#deadlines.takeDue(now)
      if (key === undefined) return
      const [kind, ...rest] = key.split('/')
      const subject = rest.join('/')
      if (kind === 'probe') this.#onProbeFailed(subject, now, out)
      else if (kind === 'ask') this.#onReportsMissing(subject, now, out)
      else this.#onSuspicionExpired(subject, now, out)
    }
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
    for (const observer of probing.waiting) this.#report(observer, subject, false, out)
    if (!probing.isOwn || this.#suspicions.has(subject)) return
    const isAlone = this.#hooks.otherObservers(subject).length === 0
    // With nobody to ask, one lost message must not be enough.
    if (isAlone && !probing.isRetry && this.#hooks.isLinked(subject))
      return this.#start(subject, { isRetry: true, isOwn: true, waiting: nobody }, now, out)
    this.#ask(subject, now, out)
  }

  #ask(subject: MemberId, now: Millis, out: EffectSink): void {
    if (this.#suspicions.has(subject)) return
    const others = this.#reachable(this.#hooks.otherObservers(subject))
    const asking = { others, unreached: new Set<MemberId>() }
    if (others.length === 0) return this.#suspect(subject, asking, now, out)
    this.#asking.set(subject, asking)
    this.#isCalm = false
    // They take as long to give up as we did, and a little to say so.
    const waitMs = mulDiv(this.probeTimeoutMs, 3, 2)
    this.#deadlines.set(`ask/${subject}`, now + waitMs)
    const incarnation = this.#hooks.incarnationOf(subject)
    for (const to of others)
      out.push({ type: 'send', to, message: { type: 'probe-request', subject, incarnation } })
  }

  #onReportsMissing(subject: MemberId, now: Millis, out: EffectSink): void {
    const asking = this.#asking.get(subject)
    if (asking === undefined) return
    // Nobody answers us: that may well be our own fault.
    if (asking.unreached.size === 0) this.#awareness.change(1)
    this.#suspect(subject, asking, now, out)
  }

  #suspect(subject: MemberId, { others, unreached }: Asking, now: Millis, out: EffectSink): void {
    this.#asking.delete(subject)
    this.#deadlines.clear(`ask/${subject}`)
    const incarnation = this.#hooks.incarnationOf(subject)
    const confirmers = new Set(unreached)
    this.#suspicions.set(subject, { incarnation, startedAt: now, confirmers })
    this.#isCalm = false
    this.#armSuspicion(subject)
    for (const to of [subject, ...others])
      out.push({ type: 'send', to, message: { type: 'suspect', subject, incarnation } })
    this.#hooks.onSuspected(subject, incarnation, now, out)
  }

  #confirm(from: MemberId, subject: MemberId): void {
    const suspicion = this.#suspicions.get(subject)
    if (suspicion === undefined || suspicion.confirmers.has(from)) return
    if (!this.#hooks.otherObservers(subject).includes(from)) return
    suspicion.confirmers.add(from)
    this.#armSuspicion(subject)
  }

  /**
   * Observers whose links are closed are not waited for: half a cluster can die at once. Those that are only
   * silent are: when everyone is overloaded, everyone is silent, and nobody is dead.
   */
  #reachable(observers: readonly MemberId[]): MemberId[] {
    return observers.filter((each) => this.#hooks.isLinked(each))
  }

  #armSuspicion(subject: MemberId): void {
    const { startedAt, confirmers } = this.#suspicions.get(subject)!
    const others = this.#reachable(this.#hooks.otherObservers(subject))
    const confirmed = others.filter((each) => confirmers.has(each))
    const { suspicionMinMs, suspicionMaxMs, probeTimeoutMs } = this.#config
    const timeoutMs = suspicionTimeoutMs(
      { confirmations: confirmed.length, others: others.length },
      {
        minMs: mulDiv(suspicionMinMs, this.probeTimeoutMs, probeTimeoutMs),
        maxMs: mulDiv(suspicionMaxMs, this.probeTimeoutMs, probeTimeoutMs),
      },
    )
    // By their ids: who comes first declares it, and the others hear of it before their turn.
    const turn = Math.min(4, confirmed.filter((each) => each < this.#self).length)
    this.#deadlines.set(`suspect/${subject}`, startedAt + timeoutMs + declareStaggerMs * turn)
  }

  #onSuspicionExpired(subject: MemberId, now: Millis, out: EffectSink): void {
    const suspicion = this.#suspicions.get(subject)
    if (suspicion === undefined) return
    this.#hooks.onDead(subject, suspicion.incarnation, now, out)
    this.forget(subject)
  }

  #clear(subject: MemberId, out: EffectSink): void {
    this.#asking.delete(subject)
    this.#deadlines.clear(`ask/${subject}`)
    if (!this.#suspicions.delete(subject)) return
    this.#deadlines.clear(`suspect/${subject}`)
    this.#hooks.onCleared(subject, out)
  }

  #report(to: MemberId, subject: MemberId, reached: boolean, out: EffectSink): void {
    const incarnation = this.#hooks.incarnationOf(subject)
    out.push({
      type: 'send',
      to,
      message: { type: 'probe-report', subject, incarnation, reached },
    })
  }

  #isFresh(member: MemberId, now: Millis): boolean {
    return this.heardWithin(member, freshMs, now)
  }
}
