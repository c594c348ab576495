/**
 * A SWIM group on the simulator's queue and network: datagrams that are lost and doubled, TCP where memberlist
 * uses it. Told who died when, it records when each of the others knew, and who was held for dead and lives.
 */
import { Random } from '../../../protocol/base/random.ts'
import { Histogram } from '../../metrics/histogram.ts'
import { Network, type NetworkKnobs } from '../../network.ts'
import { Payloads } from '../../payloads.ts'
import { kinds, LadderQueue } from '../../queue.ts'
import { SwimMember } from './member.ts'
import { pushPullUs, retransmitLimit, suspicionTimes } from './settings.ts'
import type { Datagram, SwimWorld } from './world.ts'

export interface SwimInit {
  readonly seed: number
  readonly members: number
  readonly network: NetworkKnobs
}

/** A SYN, its answer, the question and its answer. */
const streamLegs = 4
const streamBytes = 100
const wake = kinds.indexOf('wake')
const message = kinds.indexOf('message')

export class SwimGroup {
  readonly members: SwimMember[] = []
  /** From a death to the moment that each other one knew. */
  readonly detection = new Histogram()
  /** Of each death, by the dead: how many know. */
  readonly knew = new Map<number, number>()
  /** Living members that somebody held for dead. */
  readonly falseDeaths = new Set<number>()
  datagrams = 0
  /** When somebody learned of a true death as the last. */
  lastKnewUs = 0
  nowUs = 0
  readonly #network: Network
  readonly #queue = new LadderQueue()
  readonly #payloads = new Payloads<() => void>()
  readonly #sequences: number[] = []
  readonly #diedUs = new Map<number, number>()

  constructor({ seed, members, network }: SwimInit) {
    const random = new Random(seed)
    this.#network = new Network(network, new Random(random.uint32()))
    const world = this.#world(members)
    for (let i = 0; i < members; i++)
      this.members.push(new SwimMember(i, world, new Random(random.uint32())))
    for (const member of this.members) member.start()
  }

  run(durationUs: number): void {
    const end = this.nowUs + durationUs
    while (this.#queue.pop(end)) {
      this.nowUs = this.#queue.at
      this.#payloads.take(this.#queue.payload)()
    }
    this.nowUs = end
  }

  /** Its machine is off: nobody is told. */
  powerOff(index: number): void {
    this.members[index]!.isUp = false
    this.#diedUs.set(index, this.nowUs)
    this.knew.set(index, 0)
  }

  /** Whether all that are up know of it. */
  isKnownToAll(index: number): boolean {
    return this.members.every((each) => !each.isUp || each.stateOf(index).state === 'dead')
  }

  #world(members: number): SwimWorld {
    const group = this
    return {
      get nowUs() {
        return group.nowUs
      },
      members,
      suspicion: suspicionTimes(members),
      retransmits: retransmitLimit(members),
      pushPullUs: pushPullUs(members),
      after: (delayUs, member, run) => this.#push(delayUs, wake, member, member, run),
      send: (from, to, datagram) => this.#send(from, to, datagram),
      streamTripUs: (from, to) => this.#streamTripUs(from, to),
      exchangeStates: (a, b) => this.#exchangeStates(a, b),
      declaredDead: (_, subject) => this.#declaredDead(subject),
    }
  }

  #push(delayUs: number, kind: number, to: number, from: number, run: () => void): void {
    const sequence = (this.#sequences[from] ?? 0) + 1
    this.#sequences[from] = sequence
    this.#queue.push(this.nowUs + delayUs, kind, to, from, sequence, this.#payloads.add(run))
  }

  #send(from: number, to: number, datagram: Datagram): void {
    this.datagrams++
    this.#network.datagram(from, to, (delayUs) =>
      this.#push(delayUs, message, to, from, () => this.members[to]!.onDatagram(from, datagram)),
    )
  }

  #streamTripUs(from: number, to: number): number | undefined {
    if (!this.members[to]!.isUp) return undefined
    let tripUs = 0
    for (let leg = 0; leg < streamLegs; leg++) {
      const [a, b] = leg % 2 === 0 ? [from, to] : [to, from]
      const legUs =
        this.#network.transitUs(a, b, streamBytes, this.nowUs) ?? Number.POSITIVE_INFINITY
      tripUs += legUs
    }
    return Number.isFinite(tripUs) ? tripUs : undefined
  }

  /** A dead one is told of as suspect, so that it can refute. */
  #exchangeStates(a: number, b: number): void {
    const [one, other] = [this.members[a]!, this.members[b]!]
    if (!other.isUp) return
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const)
      for (const [subject, { incarnation, state }] of [...from.known])
        to.learn({
          subject,
          incarnation,
          state: state === 'dead' ? 'suspect' : state,
          from: from.index,
        })
  }

  #declaredDead(subject: number): void {
    const diedUs = this.#diedUs.get(subject)
    if (diedUs === undefined) this.falseDeaths.add(subject)
    else {
      this.detection.add(this.nowUs - diedUs)
      this.lastKnewUs = this.nowUs
      this.knew.set(subject, (this.knew.get(subject) ?? 0) + 1)
    }
  }
}
