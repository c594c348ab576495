/** Whom this member probes, who else probes them, and to whom it keeps a link. Computed when the rings have changed. */
import { compareText, type MemberId } from '../base/id.ts'
import type { Config } from '../config.ts'
import type { EffectSink } from '../effect.ts'
import { ProbeRings } from './ring.ts'

export class Neighbourhood {
  readonly #self: MemberId
  readonly #fullMeshMax: number
  readonly #rings: ProbeRings
  #subjects: readonly MemberId[] | undefined
  #neighbours: readonly MemberId[] | undefined
  #kept = ''

  constructor(config: Config, self: MemberId) {
    this.#self = self
    this.#fullMeshMax = config.fullMeshMax
    this.#rings = new ProbeRings(config.ringsMin, config.ringsMax)
  }

  /** The member came or went. */
  reshape(member: MemberId, isPresent: boolean): void {
    if (isPresent) this.#rings.add(member)
    else this.#rings.remove(member)
    this.#subjects = undefined
    this.#neighbours = undefined
  }

  subjects(): readonly MemberId[] {
    this.#subjects ??= this.#rings.subjects(this.#self)
    return this.#subjects
  }

  otherObservers(subject: MemberId): MemberId[] {
    return this.#rings.observers(subject).filter((observer) => observer !== this.#self)
  }

  neighbours(present: readonly MemberId[]): readonly MemberId[] {
    this.#neighbours ??= this.#compute(present)
    return this.#neighbours
  }

  /** Asks for the links when they are others than before. */
  keepLinks(present: readonly MemberId[], out: EffectSink): void {
    if (this.#neighbours !== undefined) return
    const members = this.neighbours(present)
    const key = members.join(' ')
    if (key === this.#kept) return
    this.#kept = key
    out.push({ type: 'keep-links', members })
  }

  #compute(present: readonly MemberId[]): readonly MemberId[] {
    if (present.length <= this.#fullMeshMax)
      return present.filter((member) => member !== this.#self)
    const around = new Set([...this.subjects(), ...this.#rings.observers(this.#self)])
    return [...around].sort(compareText)
  }
}
