/**
 * The names of things, as the protocol passes them around. All are opaque strings with a total order
 * by code unit (`compareText`), so that every member sorts them alike.
 */

/** The libp2p PeerId of a node, in its canonical text form. */
export type MemberId = string
/** Chosen by the user: `[a-z0-9]([a-z0-9.-]*[a-z0-9])?`, at most 128 characters. */
export type JobId = string
/** `<job>.<slot>.<8 hex digits>`, drawn by the steward that asked for it. */
export type AllocationId = string
/** Names one effect of one life of the core, so that its answering event can be matched. */
export type EffectId = number
/** Names one request of a local client; `reply` carries it back. */
export type RequestId = number
/** Milliseconds of the driver's clock: Unix time in the agent, virtual time in the simulator. */
export type Millis = number
/** Hybrid logical clock in one safe integer: milliseconds × 4096 + a logical count. */
export type Stamp = number

/** Total order of text by UTF-16 code unit. Never `localeCompare`: locales differ between machines. */
export function compareText(a: string, b: string): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0
}

/** 12 bits: 4,096 writes within one millisecond before stamps run ahead of the clock. */
export const stampsPerMs = 4096

/** What a life numbers, dots or broadcasts, it numbers from `epoch` times this on: no earlier life has used it. */
export const numbersPerEpoch = 2 ** 32

/** Which life of its author has given the number. */
export function epochOf(number: number): number {
  return Math.floor(number / numbersPerEpoch)
}

/** The clock's reading in a stamp. */
export function millisOf(stamp: Stamp): Millis {
  return Math.floor(stamp / stampsPerMs)
}
