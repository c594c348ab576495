/**
 * The fault plan: who dies, who is cut off, whose disk is full, drawn from the seed. It counts what it did, so
 * that a run can show that its faults had effect.
 */
import type { Random } from '../protocol/base/random.ts'
import type { Host } from './host.ts'
import type { Simulator } from './simulator.ts'

export interface FaultKnobs {
  /** Which faults may happen. */
  readonly faults: readonly Fault[]
  /** One fault each so often on average. */
  readonly meanUs: number
}

export const allFaults = [
  'kill-agent',
  'power-off',
  'cut',
  'deafen',
  'fill-disk',
  'add-member',
] as const
export type Fault = (typeof allFaults)[number]

export class Nemesis {
  readonly counts: { [fault in Fault]: number } = {
    'kill-agent': 0,
    'power-off': 0,
    cut: 0,
    deafen: 0,
    'fill-disk': 0,
    'add-member': 0,
  }
  readonly #simulator: Simulator
  readonly #random: Random
  #stopped = false

  constructor(simulator: Simulator, random: Random) {
    this.#simulator = simulator
    this.#random = random
  }

  start(knobs: FaultKnobs): void {
    this.#after(1 + this.#random.below(2 * knobs.meanUs), () => {
      if (this.#stopped) return
      const fault = this.#random.pick(knobs.faults)
      if (fault !== undefined) this.strike(fault)
      this.start(knobs)
    })
  }

  /** Ends the faults and repairs everything: what follows is the liveness phase. */
  heal(): void {
    this.#stopped = true
    this.#simulator.network.heal()
    for (const host of this.#simulator.hosts) {
      host.disk.isFull = false
      if (!host.isUp && !host.isDestroyed) this.#restart(host)
    }
  }

  strike(fault: Fault): void {
    const { hosts, network } = this.#simulator
    const host = this.#random.pick(this.#simulator.up())
    if (host === undefined) return
    this.counts[fault]++
    switch (fault) {
      case 'kill-agent':
        host.killAgent()
        return this.#restartLater(host)
      case 'power-off':
        host.powerOff()
        return this.#restartLater(host)
      case 'cut':
        network.cut(hosts.map(() => this.#random.below(2)))
        for (const a of hosts)
          for (const b of hosts)
            if (a.index < b.index && !network.connects(a.index, b.index))
              this.#simulator.links.silence(a, b)
        return this.#after(2_000_000 + this.#random.below(20_000_000), () => network.heal())
      case 'deafen': {
        const other = this.#random.pick(hosts)!
        network.deafen(host.index, other.index)
        return this.#simulator.links.silence(host, other)
      }
      case 'fill-disk':
        host.disk.isFull = true
        return this.#after(1_000_000 + this.#random.below(10_000_000), () => {
          host.disk.isFull = false
        })
      case 'add-member':
        return this.#simulator.addHost().start([host])
    }
  }

  #restartLater(host: Host): void {
    this.#after(200_000 + this.#random.below(15_000_000), () => {
      if (!host.isUp && !host.isDestroyed) this.#restart(host)
    })
  }

  /** A restarted agent dials some of those that it knew. */
  #restart(host: Host): void {
    const others = this.#simulator.hosts.filter((other) => other !== host)
    host.start(this.#random.shuffle(others).slice(0, 3))
  }

  #after(delayUs: number, run: () => void): void {
    this.#simulator.schedule(delayUs, 'fault', { destination: -1, source: -1 }, run)
  }
}
