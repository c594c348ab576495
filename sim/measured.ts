/**
 * What real agents take on a real machine, as recorded by `scripts/calibrate` into test/sim/recorded/: the models
 * draw from these tables. A test holds them against the recordings, so that neither goes without the other.
 */
import type { QuantileTable } from './quantile.ts'

/** Percent, of every table. */
const points = [0, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 100]

/** One batch of the agent's store, fsynced, with nothing before it. */
export const fsync: QuantileTable = {
  points,
  us: [190, 212, 223, 250, 286, 356, 1894, 3894, 4019, 4076, 5272, 6079],
}

/** From asking for a process to its being known to run, and from asking for its end to its end. */
export const processStart: QuantileTable = {
  points,
  us: [7370, 8126, 8875, 9432, 10233, 12725, 18047, 22551, 29573, 29873, 33297, 33297],
}
export const processStop: QuantileTable = {
  points,
  us: [6715, 7116, 8882, 10043, 10439, 11065, 13498, 14680, 17713, 18114, 19858, 19858],
}

/** The same of a container of a local image, by Docker, without a network. */
export const containerStart: QuantileTable = {
  points,
  us: [
    232094, 243699, 255963, 292443, 329112, 363182, 428487, 448594, 550217, 553395, 602214, 602214,
  ],
}
export const containerStop: QuantileTable = {
  points,
  us: [58115, 72448, 74951, 84118, 93582, 105574, 120056, 130549, 145297, 189943, 301331, 301331],
}

/**
 * Of a broadcast between two agents, each with a core to itself: from the one's passing it on to the other's reading
 * it, and from there to its being passed on in turn.
 */
export const gossipHop: QuantileTable = {
  points,
  us: [1109, 1199, 1241, 1505, 3217, 7335, 13677, 16321, 27804, 45817, 45817, 45817],
}
export const gossipInner: QuantileTable = {
  points,
  us: [316, 379, 406, 450, 547, 1310, 2932, 5957, 9862, 27748, 27748, 27748],
}

/**
 * Fitted, the only figure here that is: the share of a hop recorded among many agents that is left where nothing else
 * waits to be read before it. Those hops include that wait, which the model adds by itself. Fitted to the median
 * delivery among 20 agents, checked against all else there and among 5.
 */
export const idleShare = 0.65

/** The work at both ends of a link that opens, and the round trips that it takes, TCP's own included. */
export const dialWork: QuantileTable = {
  points,
  us: [38874, 38874, 40662, 50619, 61358, 75046, 83134, 84051, 93290, 93290, 93290, 93290],
}
export const dialRoundTrips = 6
