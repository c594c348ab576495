/**
 * What real agents take on a real machine, as recorded by `scripts/calibrate` into test/sim/recorded/: the models
 * draw from these tables. A test holds them against the recordings, so that neither goes without the other.
 */
import type { QuantileTable } from './quantile.ts'

/** One batch of the agent's store, fsynced, with nothing before it. */
export const fsync: QuantileTable = {
  points: [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100],
  us: [126, 137, 143, 268, 508, 1714, 4035, 7880, 18887, 32919, 73724, 112506],
}

/** From asking for a process to its being known to run, and from asking for its end to its end. */
export const processStart: QuantileTable = {
  points: [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100],
  us: [9888, 11293, 13436, 16779, 24703, 39205, 61438, 80680, 92546, 93805, 117600, 117600],
}
export const processStop: QuantileTable = {
  points: [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100],
  us: [19280, 21410, 25039, 34699, 44012, 59796, 85856, 101404, 130687, 140585, 185792, 185792],
}

/** The same of a container of a local image, by Docker, without a network. */
export const containerStart: QuantileTable = {
  points: [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100],
  us: [
    333912, 395491, 418778, 474570, 537799, 629522, 707873, 810158, 968924, 1001222, 1054564,
    1054564,
  ],
}
export const containerStop: QuantileTable = {
  points: [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100],
  us: [73146, 88493, 97069, 123446, 145353, 188816, 217227, 258643, 306833, 333555, 469333, 469333],
}
