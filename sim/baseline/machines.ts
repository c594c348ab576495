/**
 * What each machine of a packing run has left: the ground truth that every scheduler is held against, ours
 * and the others'. A device of a GPU machine has up to 1,000 thousandths left; a task that takes a share gets
 * it of one device, one that takes several gets whole ones.
 */
import { invariant } from '../../protocol/base/invariant.ts'
import { type Demand, deviceMilli, type TraceMember } from '../trace/trace.ts'

/** What a task was given, to be given back. */
export interface Lease {
  readonly machine: number
  readonly demand: Demand
  /** Indices among the machine's devices. */
  readonly devices: readonly number[]
}

export class Machines {
  readonly members: readonly TraceMember[]
  readonly cpu: Float64Array
  readonly memory: Float64Array
  /** Milli left of each device, machine after machine. */
  readonly share: Int32Array
  /** Where a machine's devices begin in `share`; one entry more than machines. */
  readonly deviceAt: Int32Array
  /** Milli left of all devices of a machine. */
  readonly gpu: Int32Array
  /** Counts the changes of a machine, for caches. */
  readonly version: Uint32Array

  constructor(members: readonly TraceMember[]) {
    this.members = members
    this.cpu = Float64Array.from(members, ({ cpu }) => cpu)
    this.memory = Float64Array.from(members, ({ memory }) => memory)
    this.gpu = Int32Array.from(members, ({ devices }) => devices * deviceMilli)
    this.version = new Uint32Array(members.length)
    this.deviceAt = new Int32Array(members.length + 1)
    for (let i = 0; i < members.length; i++)
      this.deviceAt[i + 1] = this.deviceAt[i]! + members[i]!.devices
    this.share = new Int32Array(this.deviceAt[members.length]!).fill(deviceMilli)
  }

  get size(): number {
    return this.members.length
  }

  /** Whether all that the task asks for is there, a share of one device included. */
  fits(i: number, demand: Demand): boolean {
    if (this.cpu[i]! < demand.cpu || this.memory[i]! < demand.memory) return false
    if (demand.devices === 0) return true
    if (this.gpu[i]! < demand.devices * demand.shareMilli) return false
    const { models } = demand
    if (models.length > 0 && !models.includes(this.members[i]!.model)) return false
    return this.devicesWith(i, demand.shareMilli) >= demand.devices
  }

  devicesWith(i: number, shareMilli: number): number {
    let count = 0
    for (let at = this.deviceAt[i]!; at < this.deviceAt[i + 1]!; at++)
      if (this.share[at]! >= shareMilli) count++
    return count
  }

  /** The device with the least left that has enough: shares are packed onto as few devices as can be. */
  fullestDevice(i: number, shareMilli: number): number {
    const from = this.deviceAt[i]!
    let best = -1
    for (let at = from; at < this.deviceAt[i + 1]!; at++)
      if (this.share[at]! >= shareMilli && (best < 0 || this.share[at]! < this.share[from + best]!))
        best = at - from
    return best
  }

  /** `device` is where a share is to go; left out, the fullest that has it. */
  take(i: number, demand: Demand, device?: number): Lease {
    invariant(this.fits(i, demand), 'a machine never runs more than it has')
    const devices = this.#pick(i, demand, device)
    this.#give(i, demand, devices, -1)
    return { machine: i, demand, devices }
  }

  release({ machine, demand, devices }: Lease): void {
    this.#give(machine, demand, devices, 1)
  }

  #pick(i: number, { devices, shareMilli }: Demand, device: number | undefined): number[] {
    if (devices === 0) return []
    if (devices === 1) return [device ?? this.fullestDevice(i, shareMilli)]
    const from = this.deviceAt[i]!
    const whole: number[] = []
    for (let at = from; at < this.deviceAt[i + 1]! && whole.length < devices; at++)
      if (this.share[at]! >= shareMilli) whole.push(at - from)
    return whole
  }

  #give(i: number, demand: Demand, devices: readonly number[], sign: 1 | -1): void {
    this.cpu[i]! += sign * demand.cpu
    this.memory[i]! += sign * demand.memory
    for (const device of devices) {
      this.share[this.deviceAt[i]! + device]! += sign * demand.shareMilli
      this.gpu[i]! += sign * demand.shareMilli
    }
    this.version[i]!++
  }
}
