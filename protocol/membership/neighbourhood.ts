/** Whom this member probes, who else probes them, and to whom it keeps a link. Computed when the rings have changed. */
import { compareText, type MemberId } from '../base/id.ts'
import { SparseSet } from '../base/sparse.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { gossipMeshOf } from './gossip-mesh.ts'
import type { PresenceChange } from './member.ts'
import { type Presence, ringCount } from './ring.ts'

const unchanged: PresenceChange = { came: [], gone: [] }

export class Neighbourhood {
  readonly #self: MemberId
  readonly #config: Config
  readonly #rings: Presence
  #subjects: readonly MemberId[] | undefined
  #neighbours: readonly MemberId[] | undefined
  #kept = ''
  /** Came or went since somebody asked. */
  readonly #moved = new SparseSet<MemberId>()

  constructor(config: Config, self: MemberId, rings: Presence) {
    this.#self = self
    this.#config = config
    this.#rings = rings
  }

  /** The member came or went: of thousands of members only those next to it have other neighbours then. */
  reshape(member: MemberId, isPresent: boolean): void {
    const size = this.#rings.size
    const isOpen = this.#neighbours === undefined
    const wasNear = !isPresent && this.#neighbours?.includes(member)
    if (isPresent) this.#rings.add(member)
    else this.#rings.remove(member)
    if (size !== this.#rings.size) this.#noteMove(member)
    const isNear = isOpen || wasNear || !this.#isAlike(size, this.#rings.size)
    if (!isNear && !(isPresent && this.near(member).includes(this.#self))) return
    this.#subjects = undefined
    this.#neighbours = undefined
  }

  /** One that was not near has gone, and there are as many rings as before. */
  loseFar(member: MemberId): void {
    this.#rings.remove(member)
    this.#noteMove(member)
  }

  /** If one more died after so many others, there would be as many rings. */
  isAlikeAfter(others: number): boolean {
    const size = this.#rings.size - others
    return this.#isAlike(size, size - 1)
  }

  /** Next to whom the member is; with those `gone`, who are on the rings still: also next to whom it is without them. */
  near(member: MemberId, gone: readonly MemberId[] = []): MemberId[] {
    const near = (each: MemberId) => [...this.#rings.subjects(each), ...this.#rings.observers(each)]
    const found = near(member)
    const between = new Set<MemberId>()
    // The list grows as it is walked: who is gone may be next to another one who is.
    for (const each of found) {
      if (!gone.includes(each) || between.has(each)) continue
      between.add(each)
      found.push(...near(each))
    }
    return found
  }

  /** Clusters of the two sizes have as many rings, and as dense a mesh. */
  #isAlike(a: number, b: number): boolean {
    const { fullMeshMax, ringsMin, ringsMax } = this.#config
    if (Math.min(a, b) <= Math.max(fullMeshMax, ringsMax + 1)) return false
    const rings = (size: number) => ringCount(size, ringsMin, ringsMax)
    return rings(a) === rings(b) && gossipMeshOf(a) === gossipMeshOf(b)
  }

  adopt(other: Neighbourhood): void {
    this.#rings.adopt(other.#rings)
    this.#moved.clear()
    for (const member of other.#moved) this.#moved.add(member)
    this.#subjects = undefined
    this.#neighbours = undefined
  }

  /** Sorted; the same array until it changes. */
  present(): readonly MemberId[] {
    return this.#rings.list()
  }

  /** Who came and who went since the last call; who did both is not among them. */
  takeMoves(): PresenceChange {
    if (this.#moved.size === 0) return unchanged
    const moved = [...this.#moved].sort(compareText)
    this.#moved.clear()
    const came = moved.filter((member) => this.#rings.has(member))
    return { came, gone: moved.filter((member) => !this.#rings.has(member)) }
  }

  get presentCount(): number {
    return this.#rings.size
  }

  subjects(): readonly MemberId[] {
    this.#subjects ??= this.#rings.subjects(this.#self)
    return this.#subjects
  }

  otherObservers(subject: MemberId): MemberId[] {
    return this.#rings.observers(subject).filter((observer) => observer !== this.#self)
  }

  neighbours(): readonly MemberId[] {
    this.#neighbours ??= this.#compute()
    return this.#neighbours
  }

  /** Asks for the links when they are others than before. */
  keepLinks(out: EffectSink): void {
    if (this.#neighbours !== undefined) return
    const members = this.neighbours()
    const mesh = gossipMeshOf(this.#rings.size)
    const key = `${mesh.degree} ${members.join(' ')}`
    if (key === this.#kept) return
    this.#kept = key
    out.push({ type: 'keep-links', members, mesh })
  }

  #noteMove(member: MemberId): void {
    if (!this.#moved.delete(member)) this.#moved.add(member)
  }

  #compute(): readonly MemberId[] {
    if (this.#rings.size <= this.#config.fullMeshMax)
      return this.#rings.list().filter((member) => member !== this.#self)
    const around = new Set([...this.subjects(), ...this.#rings.observers(this.#self)])
    return [...around].sort(compareText)
  }
}
