/**
 * Subjects that did not answer us. Their other observers are asked, and what they find decides: one that reaches
 * the subject ends the doubt; some that do not either make it a suspicion, which becomes a death unless somebody
 * hears of the subject in time. Whoever was told that we do not reach a subject is told when we do after all.
 *
 * Each observer has a link of its own to the subject, and no other evidence is worth anything: what comes over one
 * late link (our probe, the subject's denial) is late together. In a large cluster observers of the same subject
 * have no links to each other either; they are asked all the same, over links that open on demand.
 */

import { Deadlines } from '../base/deadline.ts'
import type { MemberId, Millis } from '../base/id.ts'
import { mulDiv } from '../base/integer.ts'
import { SparseMap } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { suspicionTimeoutMs, witnesses } from './suspicion.ts'

/** Observers of one member declare its death one after the other, so that one broadcast is enough. */
const declareStaggerMs = 40

interface Doubt {
  readonly incarnation: number
  /** When our own probe had failed. */
  since: Millis
  /** Enough is known, or time enough has passed, to accuse the subject. */
  isSuspicion: boolean
  /** How many others are called; those that are linked are asked anyway. */
  calls: number
  /** Those whose report is awaited, or has come. */
  readonly asked: Set<MemberId>
  readonly unreached: Set<MemberId>
}

export interface DoubtHooks {
  /** The present observers of the subject other than self. */
  otherObservers(subject: MemberId): MemberId[]
  isLinked(member: MemberId): boolean
  isCutOff(member: MemberId): boolean
  incarnationOf(member: MemberId): number
  probeTimeoutMs(): Millis
  onUnanswered(): void
  onSuspected(subject: MemberId): void
  onCleared(subject: MemberId): void
  onDead(subject: MemberId, incarnation: number, now: Millis, out: EffectSink): void
}

export class Doubts {
  readonly #self: MemberId
  readonly #config: Config
  readonly #hooks: DoubtHooks
  readonly #doubts = new SparseMap<MemberId, Doubt>()
  /** Of each subject, those whom we told that we do not reach it. */
  readonly #told = new SparseMap<MemberId, Set<MemberId>>()
  readonly #deadlines = new Deadlines()
  #suspected = 0

  constructor({ config, self }: { config: Config; self: MemberId }, hooks: DoubtHooks) {
    this.#self = self
    this.#config = config
    this.#hooks = hooks
  }

  get size(): number {
    return this.#doubts.size + this.#told.size
  }

  get suspected(): number {
    return this.#suspected
  }

  has(subject: MemberId): boolean {
    return this.#doubts.has(subject)
  }

  isSuspect(subject: MemberId): boolean {
    return this.#doubts.get(subject)?.isSuspicion ?? false
  }

  isAsking(subject: MemberId): boolean {
    return this.#doubts.get(subject)?.isSuspicion === false
  }

  subjects(): Iterable<MemberId> {
    return this.#doubts.keys()
  }

  deadline(): Millis | undefined {
    return this.#deadlines.next()
  }

  /** We were asleep: what came meanwhile is not read yet. */
  postpone(byMs: Millis): void {
    for (const [subject, doubt] of this.#doubts) {
      doubt.since += byMs
      if (doubt.isSuspicion) this.#arm(subject, doubt)
      else this.#deadlines.postpone(`ask/${subject}`, byMs)
    }
  }

  /**
   * The subject did not answer our probe, or `atOnce`: its link closed. That is seen by all its observers in the
   * same moment; so if any are linked they are asked, else one is called: links that all of them open take longer
   * on a small machine than the doubt lasts.
   */
  ask(subject: MemberId, { atOnce }: { atOnce: boolean }, now: Millis, out: EffectSink): void {
    if (this.#doubts.has(subject)) return
    const incarnation = this.#hooks.incarnationOf(subject)
    const sets = { asked: new Set<MemberId>(), unreached: new Set<MemberId>() }
    const calls = atOnce ? 1 : Number.POSITIVE_INFINITY
    const doubt: Doubt = { incarnation, since: now, isSuspicion: false, calls, ...sets }
    this.#doubts.set(subject, doubt)
    this.#askOthers(subject, doubt, out)
    if (doubt.asked.size === 0) return this.#suspect(subject, doubt, out)
    // They take as long to give up as we did, and a little to say so.
    this.#deadlines.set(`ask/${subject}`, now + mulDiv(this.#hooks.probeTimeoutMs(), 3, 2))
  }

  /** Those that are linked, and others until there are enough. */
  #askOthers(subject: MemberId, { incarnation, asked, calls }: Doubt, out: EffectSink): void {
    const others = this.#callable(subject)
    const isNew = (each: MemberId) => !asked.has(each)
    const linked = others.filter((each) => isNew(each) && this.#hooks.isLinked(each))
    const unlinked = others.filter((each) => isNew(each) && !this.#hooks.isLinked(each))
    const room = Math.max(0, calls - (others.length - unlinked.length))
    for (const to of [...linked, ...unlinked.slice(0, room)]) {
      asked.add(to)
      out.push({ type: 'send', to, message: { type: 'probe-request', subject, incarnation } })
    }
  }

  #callable(subject: MemberId): MemberId[] {
    return this.#hooks.otherObservers(subject).filter((each) => !this.#hooks.isCutOff(each))
  }

  /**
   * Those whose confirmation is waited for. Observers whose links are closed are not: half a cluster can die at once.
   * Those that are only silent are: when everyone is overloaded, everyone is silent, and nobody is dead. When the
   * subject has no link to us any more, that is a confirmation itself, and only those who have one are waited for.
   */
  #awaited(subject: MemberId): MemberId[] {
    const others = this.#callable(subject)
    if (this.#hooks.isLinked(subject)) return others
    return others.filter((each) => this.#hooks.isLinked(each))
  }

  /** Another observer does not reach the subject. */
  confirm(from: MemberId, subject: MemberId, out: EffectSink): void {
    const doubt = this.#doubts.get(subject)
    if (doubt === undefined || doubt.unreached.has(from)) return
    if (!this.#hooks.otherObservers(subject).includes(from)) return
    doubt.unreached.add(from)
    this.#weigh(subject, doubt, out)
  }

  #weigh(subject: MemberId, doubt: Doubt, out: EffectSink): void {
    if (doubt.isSuspicion) return this.#arm(subject, doubt)
    const others = this.#awaited(subject)
    const confirmations = others.filter((each) => doubt.unreached.has(each)).length
    if (confirmations >= Math.min(witnesses, others.length)) this.#suspect(subject, doubt, out)
  }

  /** Who is cut off itself cannot report, and has gone from the rings perhaps: others are asked instead. */
  review(out: EffectSink): void {
    for (const [subject, doubt] of this.#doubts) {
      this.#askOthers(subject, doubt, out)
      this.#weigh(subject, doubt, out)
    }
  }

  #suspect(subject: MemberId, doubt: Doubt, out: EffectSink): void {
    this.#deadlines.clear(`ask/${subject}`)
    doubt.isSuspicion = true
    this.#suspected++
    this.#arm(subject, doubt)
    const { asked, incarnation } = doubt
    for (const to of [subject, ...asked])
      out.push({ type: 'send', to, message: { type: 'suspect', subject, incarnation } })
    for (const to of asked) this.#noteTold(to, subject)
    this.#hooks.onSuspected(subject)
  }

  #arm(subject: MemberId, { since, unreached }: Doubt): void {
    const others = this.#awaited(subject)
    const confirmed = others.filter((each) => unreached.has(each))
    const { suspicionMinMs, suspicionMaxMs, probeTimeoutMs } = this.#config
    const patience = this.#hooks.probeTimeoutMs()
    const timeoutMs = suspicionTimeoutMs(
      { confirmations: confirmed.length, others: others.length },
      {
        minMs: mulDiv(suspicionMinMs, patience, probeTimeoutMs),
        maxMs: mulDiv(suspicionMaxMs, patience, probeTimeoutMs),
      },
    )
    // By their ids: who comes first declares it, and the others hear of it before their turn.
    const turn = Math.min(4, confirmed.filter((each) => each < this.#self).length)
    this.#deadlines.set(`suspect/${subject}`, since + timeoutMs + declareStaggerMs * turn)
  }

  /** What we found when we were asked. */
  report(to: MemberId, subject: MemberId, reached: boolean, out: EffectSink): void {
    if (reached) this.#told.get(subject)?.delete(to)
    else this.#noteTold(to, subject)
    this.#sendReport(to, subject, reached, out)
  }

  #noteTold(to: MemberId, subject: MemberId): void {
    const told = this.#told.get(subject) ?? new Set()
    if (this.#hooks.otherObservers(subject).includes(to)) this.#told.set(subject, told.add(to))
  }

  #sendReport(to: MemberId, subject: MemberId, reached: boolean, out: EffectSink): void {
    const incarnation = this.#hooks.incarnationOf(subject)
    const message = { type: 'probe-report', subject, incarnation, reached } as const
    out.push({ type: 'send', to, message })
  }

  /** We have heard the subject: whoever counts on our word is told. */
  onHeard(subject: MemberId, out: EffectSink): void {
    this.clear(subject)
    const told = this.#told.get(subject)
    if (told === undefined) return
    this.#told.delete(subject)
    for (const to of told) this.#sendReport(to, subject, true, out)
  }

  /** Somebody has. */
  clear(subject: MemberId): void {
    const doubt = this.#doubts.get(subject)
    if (doubt === undefined) return
    this.#drop(subject, doubt)
    if (doubt.isSuspicion) this.#hooks.onCleared(subject)
  }

  /** What was open about the member is void. */
  forget(subject: MemberId): void {
    const doubt = this.#doubts.get(subject)
    if (doubt !== undefined) this.#drop(subject, doubt)
    this.#told.delete(subject)
  }

  #drop(subject: MemberId, { isSuspicion }: Doubt): void {
    this.#doubts.delete(subject)
    if (isSuspicion) this.#suspected--
    this.#deadlines.clear(`ask/${subject}`)
    this.#deadlines.clear(`suspect/${subject}`)
  }

  onDeadlines(now: Millis, out: EffectSink): void {
    for (const key of this.#deadlines.due(now)) {
      const subject = key.slice(key.indexOf('/') + 1)
      const doubt = this.#doubts.get(subject)
      if (doubt === undefined) continue
      if (!doubt.isSuspicion) this.#onReportsMissing(subject, doubt, out)
      else this.#onExpired(subject, doubt, now, out)
    }
  }

  #onReportsMissing(subject: MemberId, doubt: Doubt, out: EffectSink): void {
    // Nobody answers us: that may well be our own fault.
    if (doubt.unreached.size === 0) this.#hooks.onUnanswered()
    doubt.calls = Number.POSITIVE_INFINITY
    this.#askOthers(subject, doubt, out)
    this.#suspect(subject, doubt, out)
  }

  #onExpired(subject: MemberId, { incarnation }: Doubt, now: Millis, out: EffectSink): void {
    this.#hooks.onDead(subject, incarnation, now, out)
    this.forget(subject)
  }
}
