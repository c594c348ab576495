/**
 * When members are dialled. A member is wanted because its link is kept, or because something is to be sent
 * to it now. One attempt at a time; after a failure a jittered, exponential back-off, during which nothing
 * but a user's request makes another. A kept link that closes is dialled at once, unless it had only just
 * opened: a member that hangs up at once would otherwise be dialled in a circle.
 */
import type { MemberId } from '../../protocol/base/id.ts'
import { limits } from '../../protocol/limits.ts'
import { backOffMs, timing } from './timing.ts'

export interface DiallerInit {
  self: MemberId
  /** Resolves once the member is linked. */
  dial(member: MemberId): Promise<void>
  isLinked(member: MemberId): boolean
  onFailed(member: MemberId): void
}

interface Target {
  kept: boolean
  failures: number
  /** No attempt before then. */
  notBefore: number
  linkedAt: number
  attempt: Promise<void> | undefined
  timer: NodeJS.Timeout | undefined
}

export class Dialler {
  readonly #init: DiallerInit
  readonly #targets = new Map<MemberId, Target>()
  #stopped = false

  constructor(init: DiallerInit) {
    this.#init = init
  }

  keep(members: readonly MemberId[]): void {
    const wanted = new Set(members)
    wanted.delete(this.#init.self)
    for (const [member, target] of this.#targets) {
      if (target.kept && !wanted.has(member)) this.#release(member, target)
    }
    for (const member of wanted) {
      const target = this.#target(member)
      if (target.kept) continue
      target.kept = true
      if (!this.#init.isLinked(member)) this.#schedule(member, target, this.#courtesyMs(member))
    }
  }

  isKept(member: MemberId): boolean {
    return this.#targets.get(member)?.kept ?? false
  }

  /** The attempt under way, or a new one; undefined while the member is backed off from. */
  demand(member: MemberId, urgency: 'may-wait' | 'now'): Promise<void> | undefined {
    if (this.#stopped) return undefined
    const known = this.#targets.get(member)
    if (known?.attempt !== undefined) return known.attempt
    if (urgency === 'may-wait') {
      if (known !== undefined && Date.now() < known.notBefore) return undefined
      if (known === undefined && this.#targets.size >= limits.diallingTargets) return undefined
    }
    return this.#attempt(member, this.#target(member))
  }

  onLinked(member: MemberId): void {
    const target = this.#targets.get(member)
    if (target === undefined) return
    target.linkedAt = Date.now()
    clearTimeout(target.timer)
  }

  onUnlinked(member: MemberId): void {
    const target = this.#targets.get(member)
    if (target === undefined || this.#stopped) return
    const stable = Date.now() - target.linkedAt >= timing.stableMs
    if (stable) target.failures = 0
    else this.#fail(target)
    if (target.kept) this.#schedule(member, target, stable ? this.#courtesyMs(member) : 0)
  }

  /** Forgets those that nobody wants any more. */
  sweep(now: number): void {
    for (const [member, target] of this.#targets) {
      if (target.kept || target.attempt !== undefined || now < target.notBefore) continue
      if (!this.#init.isLinked(member)) this.#targets.delete(member)
    }
  }

  stop(): void {
    this.#stopped = true
    for (const target of this.#targets.values()) clearTimeout(target.timer)
    this.#targets.clear()
  }

  #target(member: MemberId): Target {
    const known = this.#targets.get(member)
    if (known !== undefined) return known
    const target: Target = {
      kept: false,
      failures: 0,
      notBefore: 0,
      linkedAt: 0,
      attempt: undefined,
      timer: undefined,
    }
    this.#targets.set(member, target)
    return target
  }

  #release(member: MemberId, target: Target): void {
    target.kept = false
    clearTimeout(target.timer)
    if (target.attempt === undefined && !this.#init.isLinked(member)) this.#targets.delete(member)
  }

  #courtesyMs(member: MemberId): number {
    return this.#init.self < member
      ? 0
      : backOffMs(0, { minMs: timing.yieldMs, maxMs: timing.yieldMs })
  }

  #schedule(member: MemberId, target: Target, delayMs: number): void {
    clearTimeout(target.timer)
    const waitMs = Math.max(delayMs, target.notBefore - Date.now())
    target.timer = setTimeout(() => {
      if (!this.#stopped && target.kept && !this.#init.isLinked(member))
        this.#attempt(member, target)
    }, waitMs)
  }

  #attempt(member: MemberId, target: Target): Promise<void> {
    clearTimeout(target.timer)
    target.attempt ??= this.#init
      .dial(member)
      .catch(() => this.#onFailure(member, target))
      .finally(() => {
        target.attempt = undefined
      })
    return target.attempt
  }

  #onFailure(member: MemberId, target: Target): void {
    if (this.#stopped || this.#init.isLinked(member)) return
    this.#fail(target)
    this.#init.onFailed(member)
    if (target.kept) this.#schedule(member, target, 0)
  }

  #fail(target: Target): void {
    const bounds = { minMs: timing.redialMinMs, maxMs: timing.redialMaxMs }
    target.notBefore = Date.now() + backOffMs(target.failures++, bounds)
  }
}
