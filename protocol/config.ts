/**
 * Every knob of the protocol, with its unit, its default and the reason. All members of a cluster should
 * run the same values; nothing breaks at once when they do not, since each member only times its own acts.
 */
export interface Config {
  /** One probe of the next subject each interval. @default 1000 */
  probeIntervalMs: number
  /** A direct probe that is not answered by then has failed; below probeIntervalMs. @default 500 */
  probeTimeoutMs: number
  /** From a probe's failure to the death, when enough other observers confirm it (Lifeguard's Min). @default 1000 */
  suspicionMinMs: number
  /** The same with no confirmation (Lifeguard's Max). @default 10000 */
  suspicionMaxMs: number
  /** Bounds of K = clamp(⌈log2 N⌉, min, max), the number of probe rings. @default 3, 10 */
  ringsMin: number
  ringsMax: number
  /** Up to this many members everyone keeps a link to everyone. @default 20 */
  fullMeshMax: number
  /** Down and left members are forgotten after this. @default 24 h */
  memberRetentionMs: number
  /** Each member that is down is greeted about twice in this by somebody, in case a partition has healed. @default 3000 */
  lostGreetingIntervalMs: number
  /** One gossip batch per member and interval, the first at once. @default 100 */
  gossipIntervalMs: number
  /** Steps on the way (an allocation that starts) may wait this long for what follows, usually that it runs. @default 300 */
  gossipGatherMs: number
  /** Anti-entropy with a neighbour whose root differs, at the latest. @default 10000 */
  antiEntropyIntervalMs: number
  /** A differing root is ignored while deltas younger than this may still be under way. @default 1500 */
  antiEntropySettleMs: number
  /** A question of anti-entropy is asked again when there was no answer by then, twice. @default 1000 */
  antiEntropyTimeoutMs: number
  /** Stamps further ahead of the receiver's clock are refused. @default 60000 */
  maxClockDriftMs: number
  /** Tombstones live at least this long. @default 24 h */
  tombstoneTtlMs: number
  /** A write that has not reached its copies is reported as such. @default 2000 */
  writeTimeoutMs: number
  /** Another member is asked for a copy when the first does not answer. @default 400 */
  writeRetryMs: number
  /** After a failed write to disk, it is tried again then. @default 1000 */
  storageRetryMs: number
  /** Candidates of a slot, then of the first spill; the last spill is everyone. @default 16, 128 */
  candidates: number
  candidatesSpilled: number
  /**
   * A member that does not answer a placement request is passed over; one that is found dead, at once. Longer than
   * busy members take: whoever is asked twice runs twice, for a while. @default 3000
   */
  placementTimeoutMs: number
  /** Slots that fit nowhere are tried again at the latest then. @default 5000 */
  waitingRetryMs: number
  /** Up to thirty members tell their availability at least this often, more of them more rarely. @default 30000 */
  availabilityIntervalMs: number
  /** What a member has just learned of a job may be half of the story: it decides this much later. @default 1500 */
  placementSettleMs: number
  /** A job born after a member came waits for this after its coming: a join reaches all in 250 ms. @default 300 */
  placementFormingMs: number
  /** A member with allocations of which nothing is heard after our start counts as down then. @default 5000 */
  unknownMemberMs: number
  /** The job's slots of a dead member are placed again once it is down; this much later. @default 0 */
  lostGraceMs: number
  /** Ended allocations are shown this long, at most `endedPerJob` a job. @default 1 h */
  endedRetentionMs: number
  /** An allocation whose job nobody knows (a node that was away for long) is stopped after this. @default 60000 */
  unknownJobGraceMs: number
  /** An agent that leaves its tasks running is back by then, or its slots are placed again. @default 60000 */
  awayMs: number
}

const hourMs = 3_600_000

export const defaultConfig: Config = {
  probeIntervalMs: 1000,
  probeTimeoutMs: 500,
  suspicionMinMs: 1000,
  suspicionMaxMs: 10_000,
  ringsMin: 3,
  ringsMax: 10,
  fullMeshMax: 20,
  memberRetentionMs: 24 * hourMs,
  lostGreetingIntervalMs: 3000,
  gossipIntervalMs: 100,
  gossipGatherMs: 300,
  antiEntropyIntervalMs: 10_000,
  antiEntropySettleMs: 1500,
  antiEntropyTimeoutMs: 1000,
  maxClockDriftMs: 60_000,
  tombstoneTtlMs: 24 * hourMs,
  writeTimeoutMs: 2000,
  writeRetryMs: 400,
  storageRetryMs: 1000,
  candidates: 16,
  candidatesSpilled: 128,
  placementTimeoutMs: 3000,
  waitingRetryMs: 5000,
  availabilityIntervalMs: 30_000,
  placementSettleMs: 1500,
  placementFormingMs: 300,
  unknownMemberMs: 5000,
  lostGraceMs: 0,
  endedRetentionMs: hourMs,
  unknownJobGraceMs: 60_000,
  awayMs: 60_000,
}
