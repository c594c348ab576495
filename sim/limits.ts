/** Every bound of the simulator's person side, with the sum that justifies it. */

export const scenarioLimits = {
  /** A million hosts at some kB each is what a large machine holds. */
  members: 1_000_000,
  classes: 64,
  regions: 100,
  racksPerRegion: 10_000,
  /** A scenario is read by people: more than a screenful of each is a program. */
  faults: 100,
  workloads: 100,
  expectations: 100,
  /** 10,000 members with 100 jobs each. */
  jobs: 1_000_000,
  /** A scenario file is some kB; 1 MiB is read in no time. */
  fileBytes: 1024 * 1024,
  yamlAliases: 100,
}

export const fuzzLimits = {
  /** Some 20 variants of a drawn scenario in a round; most are taken in the first two, and ten rounds are 200 runs. */
  shrinkRuns: 200,
  /** 200 runs at 1.5 s each, what a dozen members take at first; they get shorter. A person waits for it. */
  shrinkMs: 300_000,
  /** Wanted of what there is: the largest slot drawn is a tenth of a machine, so a quarter free leaves it room. */
  fullPercent: 75,
}

export const metricLimits = {
  /** Bins of a series over time: when they are used up, two become one, so 256 cover any length. */
  bins: 256,
  /** Buckets of a histogram: 16 a power of two, over 36 powers: microseconds to 19 hours within 6 %. */
  buckets: 16 * 36,
  /** Deaths with their own line in the report: 40 B each. */
  deaths: 100_000,
  /** Changes of a host's condition for the map: 24 B each; 100,000 hosts that fail and come back, twice. */
  marks: 400_000,
}

export const networkLimits = {
  /** A connection whose other end says nothing: asked after 4 s and given up 10 s later, as in the agent. */
  silentCloseUs: 14_000_000,
  /** An idle one is asked after 20 s. */
  idleCloseUs: 30_000_000,
  /** Links that nobody keeps, as in the agent. */
  unkeptIdleUs: 60_000_000,
  onDemandLinks: 64,
  /** Messages that wait for one link: the agent's queue holds as many. */
  heldMessages: 2000,
  /** What waits at a host's port: the agent's 2 MiB a link, and four links that are busy. */
  portQueueBytes: 8 * 1024 * 1024,
  /** Broadcasts that a host would still tell of: 15 s at 5 a second in the whole cluster, trebled. */
  gossipRemembered: 256,
}

export const whatIfLimits = {
  /** 100,000 records of 1 KiB, and the same again as people read it: 200 MiB; a text of V8 has at most 512 MiB. */
  snapshotBytes: 256 * 1024 * 1024,
  jobFileBytes: 1024 * 1024,
  /** What-ifs of one prediction: each is a run to rest. */
  acts: 100,
  /** Machines that are added at once. */
  added: 10_000,
  /** Simulated: two minutes for what moves at once; jobs that wait longer for a lost node are told to be on their way. */
  restMs: 120_000,
  /** Slots × nodes that the look at one more loss may cost: some 10 s. */
  absorptionLooks: 20_000_000,
}

export const traceLimits = {
  /** Hashes whose names are remembered, 20 B each: two of each of the thousand cells of a million, few of which meet. */
  names: 16_384,
}
