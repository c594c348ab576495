/**
 * The probes of one SWIM member: everyone else in turn, in an order that is shuffled each round. Half a second
 * for a direct answer; then three others are asked and TCP is tried, until the interval is over, which is the
 * longer the worse the member's own health is. Those who were asked say so when they got no answer either:
 * who does not even hear that has itself to blame.
 */
import type { SwimMember } from './member.ts'
import { swimSettings as settings } from './settings.ts'
import type { Datagram } from './world.ts'

interface Probe {
  readonly target: number
  isAnswered: boolean
  nacks: number
  asked: number
}

/** Asked by `origin` to probe for it. */
interface Relay {
  readonly origin: number
  readonly sequence: number
  isAnswered: boolean
}

export class Prober {
  readonly #member: SwimMember
  #order: number[] = []
  #sequence = 0
  readonly #probes = new Map<number, Probe>()
  readonly #relays = new Map<number, Relay>()

  constructor(member: SwimMember) {
    this.#member = member
  }

  probe(): void {
    const target = this.#next()
    if (target === undefined) return this.#later(settings.probeIntervalUs, () => this.probe())
    const sequence = ++this.#sequence
    const probe: Probe = { target, isAnswered: false, nacks: 0, asked: 0 }
    this.#probes.set(sequence, probe)
    this.#member.tell(target, { type: 'ping', sequence })
    this.#later(settings.probeTimeoutUs, () => {
      if (!probe.isAnswered) this.#askOthers(probe, sequence)
    })
    // A round is never shorter than the interval; a member that is not well waits longer.
    const roundUs = settings.probeIntervalUs * (this.#member.awareness + 1)
    this.#later(roundUs, () => this.#conclude(probe, sequence))
    this.#later(settings.probeIntervalUs, () => this.#probeAfter(probe, roundUs))
  }

  onDatagram(from: number, datagram: Exclude<Datagram, { type: 'gossip' | 'ping' }>): void {
    if (datagram.type === 'indirect') return this.#relay(from, datagram.target, datagram.sequence)
    const probe = this.#probes.get(datagram.sequence)
    const relay = this.#relays.get(datagram.sequence)
    if (datagram.type === 'nack') {
      if (probe !== undefined) probe.nacks++
    } else if (probe !== undefined) probe.isAnswered = true
    else if (relay !== undefined && !relay.isAnswered) {
      relay.isAnswered = true
      this.#member.tell(relay.origin, { type: 'ack', sequence: relay.sequence })
    }
  }

  /** The next round begins when this one is over: answered, or its time is up. */
  #probeAfter(probe: Probe, roundUs: number): void {
    const restUs = roundUs - settings.probeIntervalUs
    if (probe.isAnswered || restUs === 0) this.probe()
    else this.#later(restUs, () => this.probe())
  }

  #askOthers(probe: Probe, sequence: number): void {
    const member = this.#member
    const accepts = (other: number): boolean =>
      other !== probe.target && member.stateOf(other).state === 'alive'
    const helpers = member.others(settings.indirectChecks, accepts)
    probe.asked = helpers.length
    for (const helper of helpers) member.askToProbe(helper, probe.target, sequence)
    const tripUs = member.world.streamTripUs(member.index, probe.target)
    if (tripUs !== undefined)
      this.#later(tripUs, () => {
        probe.isAnswered = true
      })
  }

  #conclude(probe: Probe, sequence: number): void {
    this.#probes.delete(sequence)
    if (probe.isAnswered) return this.#member.notePerformance(-1)
    const missing = probe.asked - probe.nacks
    this.#member.notePerformance(probe.asked === 0 ? 1 : Math.max(0, missing))
    this.#member.suspect(probe.target)
  }

  #relay(origin: number, target: number, sequence: number): void {
    const own = ++this.#sequence
    const relay: Relay = { origin, sequence, isAnswered: false }
    this.#relays.set(own, relay)
    this.#member.tell(target, { type: 'ping', sequence: own })
    this.#later(settings.probeTimeoutUs, () => {
      this.#relays.delete(own)
      if (!relay.isAnswered) this.#member.tell(origin, { type: 'nack', sequence })
    })
  }

  #next(): number | undefined {
    const member = this.#member
    for (let rounds = 0; rounds < 2; rounds++) {
      for (let next = this.#order.pop(); next !== undefined; next = this.#order.pop())
        if (next !== member.index && member.stateOf(next).state !== 'dead') return next
      this.#order = member.random.shuffle([...Array(member.world.members).keys()])
    }
    return undefined
  }

  #later(delayUs: number, run: () => void): void {
    this.#member.world.after(delayUs, this.#member.index, () => {
      if (this.#member.isUp) run()
    })
  }
}
