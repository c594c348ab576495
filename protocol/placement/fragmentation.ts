/**
 * How much of a node's free GPU capacity nobody could use: the measure of "Beware of Fragmentation" (Weng et
 * al., USENIX ATC 2023), over the kinds of GPU slots that the cluster's jobs have. For a kind that does not
 * fit on the node (too little CPU, or too few devices with room) it is all that is free; for one that fits
 * it is what lies on devices with less room than it takes. The measure is the mean over the kinds; placing a
 * slot where it grows least keeps GPUs usable. What members must agree on is an integer: thousandths of a
 * device, rounded down.
 *
 * The agent gives whole devices. Where devices are shared (the simulator's traces) a candidate says what each
 * has left, in thousandths, and so do needs and kinds; a need of less than 1,000 takes it of one device.
 */
import { mulDiv } from '../base/integer.ts'
import type { Resources } from './resources.ts'

/** One kind of GPU slot, and how many slots of the cluster's jobs are of it. */
export interface GpuKind {
  readonly cpu: number
  readonly gpu: number
  readonly slots: number
}

export interface GpuNode {
  readonly free: Resources
  /** Thousandths left of each device; absent where devices are given whole. */
  readonly devices?: readonly number[] | undefined
}

/** One device, in thousandths. */
const wholeDevice = 1000

/** Whether devices with room are there; `shortage` has looked at the sum. */
export function devicesFit(need: Resources, devices: readonly number[]): boolean {
  return need.gpu === 0 || roomy(devices, shareOf(need.gpu)) >= countOf(need.gpu)
}

/**
 * By how much the node's useless GPU capacity grows with the slot, in thousandths of a device; negative when
 * the slot takes what is of use to few others. The slot fits. A share goes to the device where it hurts least.
 */
export function fragmentationGrowth(
  need: Resources,
  node: GpuNode,
  kinds: readonly GpuKind[],
): number {
  const slots = kinds.reduce((sum, kind) => sum + kind.slots, 0)
  if (slots === 0 || node.free.gpu === 0) return 0
  const { free, devices } = node
  const cpu = free.cpu - need.cpu
  if (devices === undefined) {
    const grown =
      uselessWhole(cpu, free.gpu - need.gpu, kinds) - uselessWhole(free.cpu, free.gpu, kinds)
    return mulDiv(grown, wholeDevice, slots)
  }
  let least = Number.POSITIVE_INFINITY
  for (const left of leftAfter(need.gpu, devices))
    least = Math.min(least, uselessShared(cpu, left, kinds))
  return Math.floor((least - uselessShared(free.cpu, devices, kinds)) / slots)
}

/** Devices × slots. */
function uselessWhole(cpu: number, gpu: number, kinds: readonly GpuKind[]): number {
  let sum = 0
  for (const kind of kinds) if (kind.cpu > cpu || kind.gpu > gpu) sum += gpu * kind.slots
  return sum
}

/** Thousandths × slots. */
function uselessShared(cpu: number, devices: readonly number[], kinds: readonly GpuKind[]): number {
  let total = 0
  for (const left of devices) total += left
  if (total === 0) return 0
  let sum = 0
  for (const kind of kinds) {
    const share = shareOf(kind.gpu)
    let useless = total
    if (kind.cpu <= cpu) {
      let room = 0
      let below = 0
      for (const left of devices)
        if (left >= share) room++
        else below += left
      if (room >= countOf(kind.gpu)) useless = below
    }
    sum += useless * kind.slots
  }
  return sum
}

/** What could be left of the devices: one case for each device that has room for a share. */
function leftAfter(gpu: number, devices: readonly number[]): (readonly number[])[] {
  if (gpu === 0) return [devices]
  const share = shareOf(gpu)
  const fitting = [...devices.keys()].filter((i) => devices[i]! >= share)
  const taken = countOf(gpu) > 1 ? [fitting.slice(0, countOf(gpu))] : distinct(fitting, devices)
  return taken.map((those) => devices.map((left, i) => (those.includes(i) ? left - share : left)))
}

/** One device of those that have the same left. */
function distinct(fitting: readonly number[], devices: readonly number[]): number[][] {
  return fitting
    .filter((i, at) => fitting.findIndex((other) => devices[other] === devices[i]) === at)
    .map((i) => [i])
}

function roomy(devices: readonly number[], share: number): number {
  let count = 0
  for (const left of devices) if (left >= share) count++
  return count
}

function shareOf(gpu: number): number {
  return Math.min(gpu, wholeDevice)
}

function countOf(gpu: number): number {
  return Math.ceil(gpu / wholeDevice)
}
