/**
 * Deaths far away. In a cluster of thousands a death concerns some dozens: the member's neighbours, and who looks after
 * what it ran. All others have to know of it, no more. So a simulated calm one of these writes the death into its row,
 * and works it in with its next ordinary step, or when somebody looks: until then the structures beneath, a hundred
 * lines of memory, are not touched. Whom a death concerns is found once for all that know the same (`DeathBoard`).
 * An agent has nobody to share that with, and takes every death the ordinary way.
 *
 * Invariant: what is worked in later has no effect but the notification that was given at once (core.ts sees to it).
 */
import type { MemberId, Millis } from './base/id.ts'
import { type Broadcaster, isRejection } from './broadcaster.ts'
import type { Config } from './config.ts'
import { type DeathBoard, type DistantDeath, deathIn } from './death-board.ts'
import type { EffectSink } from './effect.ts'
import { isBelievable, type MemberUpdate, type PastUpdate } from './membership/member.ts'
import { shareOf } from './membership/member-table.ts'
import type { Membership } from './membership/membership.ts'
import type { Pulse } from './membership/pulse-row.ts'
import type { Broadcast } from './message.ts'
import type { Placement } from './placement/placement.ts'

export interface DistantDeathsParts {
  readonly self: MemberId
  readonly config: Config
  readonly broadcaster: Broadcaster
  readonly membership: Membership
  readonly placement: Placement
  /** Undefined: each death goes the ordinary way. */
  readonly deathBoard?: DeathBoard | undefined
}

export class DistantDeaths {
  readonly #parts: DistantDeathsParts
  readonly #board: DeathBoard | undefined
  readonly #pulse: Pulse
  /** Those beside its neighbours to whom it has links; `busy`: it waits for somebody. */
  #linked: readonly MemberId[] | 'busy' = 'busy'

  constructor(parts: DistantDeathsParts) {
    this.#parts = parts
    this.#board = parts.deathBoard
    this.#pulse = parts.membership.pulse
    this.#board?.begin(this.#pulse.row, parts.self)
  }

  get isEmpty(): boolean {
    return this.#board === undefined || !this.#board.isWaiting(this.#pulse.row)
  }

  /** In the order in which they were heard of. */
  take(): readonly PastUpdate[] {
    return this.isEmpty ? none : this.#board!.take(this.#pulse.row)
  }

  /** An ordinary step is over, after which the member is calm. */
  enter(): void {
    if (this.#board === undefined) return
    this.#linked = this.#findLinked()
    const isFree = this.#linked !== 'busy' && this.#linked.length === 0
    this.#board.setFree(this.#pulse.row, isFree)
  }

  /** False where the broadcast says anything else, or concerns this member: then nothing is done. */
  takes(broadcast: Broadcast, now: Millis, sink: EffectSink): boolean {
    const board = this.#board
    if (board === undefined || now >= this.#pulse.deadline) return false
    const update = deathIn(broadcast)
    if (this.#linked === 'busy' || update === undefined) return false
    const { row } = this.#pulse
    let death = board.find(row, broadcast)
    if (death === undefined) {
      death = this.#examine(broadcast, update, board)
      board.post(row, broadcast, death)
    }
    if (death === null || death.concerned.has(row)) return false
    if (this.#linked.includes(death.update.member)) return false
    board.put(row, death, now)
    sink.push({ type: 'notify', notification: death.notification })
    return true
  }

  #findLinked(): readonly MemberId[] | 'busy' {
    const { membership, placement } = this.#parts
    const { links, around } = membership
    return placement.steward.isIdle ? links.beyond(around.neighbours()) : 'busy'
  }

  /** As it is to all that know the same; null where it changes more. */
  #examine(broadcast: Broadcast, update: MemberUpdate, board: DeathBoard): DistantDeath | null {
    const { author } = broadcast
    const gone = board.waiting(this.#pulse.row).map((each) => each.update.member)
    const { broadcaster, membership, placement } = this.#parts
    if (gone.includes(update.member) || !this.#isPlain(update, gone.length)) return null
    if (isRejection(broadcaster.open(broadcast))) return null
    const near = membership.around.near(update.member, gone)
    const others = placement.concernedBy(update.member, gone)
    const concerned = [author, update.member, ...near, ...others].flatMap(
      (each) => board.rowOf(each) ?? [],
    )
    return this.#describe(update, gone.length, new Set(concerned))
  }

  /** Of one that is alive here, in a cluster so large that nothing depends on how many are left. */
  #isPlain({ member, incarnation }: MemberUpdate, gone: number): boolean {
    const { census, around } = this.#parts.membership
    const held = census.get(member)
    if (held?.state !== 'alive' || incarnation < held.incarnation) return false
    return isBelievable(incarnation, held.incarnation) && around.isAlikeAfter(gone)
  }

  #describe(update: MemberUpdate, gone: number, concerned: ReadonlySet<number>): DistantDeath {
    const { census } = this.#parts.membership
    const { member } = update
    return {
      update,
      concerned,
      share: shareOf(member, census.get(member)!.incarnation),
      present: census.presentCount - gone - 1,
      notification: { type: 'member-changed', update, previous: 'alive' },
    }
  }
}

const none: readonly PastUpdate[] = []
