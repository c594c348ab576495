/**
 * The fault plan of a scenario, carried out: who is struck when is drawn from the seed. Each fault counts its
 * strikes and its effect, so that a run can show that none of its faults was in vain.
 */
import type { Random } from '../protocol/base/random.ts'
import type { Host } from './host.ts'
import { restart, strike, type Undo } from './nemesis/strike.ts'
import { hostsOf } from './nemesis/target.ts'
import type { FaultName, FaultShape } from './scenario/fault-shape.ts'
import { durationRangeUs, durationUs } from './scenario/quantity.ts'
import type { Simulator } from './simulator.ts'
import type { Topology } from './topology.ts'
import { even, exponential } from './workload/distribution.ts'

export interface Tally {
  readonly fault: FaultName
  strikes: number
  /** Hosts that were struck, each time. */
  struck: number
  /** What would not have happened without it: 0 after strikes means that the knob is connected to nothing. */
  effect: number
}

export class Nemesis {
  readonly tallies: Tally[] = []
  /** What the faults themselves saw broken. */
  readonly violations: string[] = []
  readonly #simulator: Simulator
  readonly #topology: Topology
  readonly #random: Random
  readonly #standing = new Set<Undo>()
  #isStopped = false

  constructor(simulator: Simulator, topology: Topology, random: Random) {
    this.#simulator = simulator
    this.#topology = topology
    this.#random = random
  }

  /** Times count from now. */
  start(faults: readonly FaultShape[]): void {
    for (const fault of faults) {
      const tally: Tally = { fault: fault.fault, strikes: 0, struck: 0, effect: 0 }
      this.tallies.push(tally)
      const firstUs = durationUs(fault.at)
      const startUs = this.#simulator.nowUs
      this.#after(firstUs, () => this.#recur(fault, tally, startUs))
    }
  }

  /** Ends the faults and repairs everything: what follows is the liveness phase. */
  heal(): void {
    for (const undo of this.#standing) undo()
    this.#standing.clear()
    this.#isStopped = true
    for (const host of this.#simulator.hosts) restart(this.#simulator, host, this.#random)
  }

  #recur(fault: FaultShape, tally: Tally, startUs: number): void {
    const { until, times = Number.POSITIVE_INFINITY } = fault
    if (until !== undefined && this.#simulator.nowUs - startUs > durationUs(until)) return
    this.#strike(fault, tally)
    const gapUs = this.#gapUs(fault)
    if (gapUs !== undefined && tally.strikes < times)
      this.#after(gapUs, () => this.#recur(fault, tally, startUs))
  }

  #gapUs({ every, mean }: FaultShape): number | undefined {
    if (every !== undefined) return Math.max(1, durationUs(every))
    return mean === undefined ? undefined : exponential(this.#random, durationUs(mean))
  }

  /** All targets at once, or one after the other, each for its own time. */
  #strike(fault: FaultShape, tally: Tally): void {
    const targets = 'target' in fault ? this.#hosts(fault.target) : []
    const within = 'within' in fault ? fault.within : undefined
    tally.strikes++
    tally.struck += targets.length
    if (within === undefined) return this.#strikeAll(fault, tally, targets)
    const gapUs = Math.floor(durationUs(within) / Math.max(1, targets.length))
    targets.forEach((host, i) => {
      this.#after(i * gapUs, () => this.#strikeAll(fault, tally, [host]))
    })
  }

  #strikeAll(fault: FaultShape, tally: Tally, targets: readonly Host[]): void {
    const undo = strike(fault, {
      simulator: this.#simulator,
      random: this.#random,
      targets,
      others: this.#others(fault),
      tally,
      after: (delayUs, run) => this.#after(delayUs, run),
      complain: (violation) => this.violations.push(violation),
    })
    this.#standing.add(undo)
    const lasts = 'for' in fault ? fault.for : undefined
    if (lasts === undefined) return
    this.#after(even(this.#random, durationRangeUs(lasts)), () => {
      if (this.#standing.delete(undo)) undo()
    })
  }

  #others(fault: FaultShape): readonly Host[] {
    if (!('other' in fault) || fault.other === undefined) return this.#simulator.hosts
    return this.#hosts(fault.other)
  }

  #hosts(target: Parameters<typeof hostsOf>[0]): Host[] {
    return hostsOf(target, this.#simulator.hosts, this.#topology, this.#random)
  }

  #after(delayUs: number, run: () => void): void {
    const place = { destination: -1, source: -1 }
    this.#simulator.schedule(Math.max(1, delayUs), 'fault', place, () => {
      if (!this.#isStopped) run()
    })
  }
}
