/**
 * Every upper bound, with the sum that justifies it. What is over a limit is refused with a reason, or
 * dropped and counted; it is never queued without end.
 */
const kib = 1024
const mib = 1024 * kib

export const limits = {
  /** A PeerId of an Ed25519 key has 52 characters; RSA ones, which we refuse, up to 59. */
  memberIdLength: 64,
  jobIdLength: 128,
  /** `<job>.<slot>.<8 hex>`: 128 + 1 + 6 + 1 + 8. */
  allocationIdLength: 144,
  /** `alloc/<member>/<allocation>`: 6 + 64 + 1 + 144, rounded up. */
  keyLength: 256,
  /** A job of 64 tasks at 1 KiB each. Also the largest HTTP body that is read: 1 MiB of YAML. */
  recordBodyBytes: 64 * kib,
  /** The body and its envelope: key 256, two dots 2 × 80, stamp 9, signature 64, field names: below 1 KiB. */
  recordBytes: 65 * kib,
  /** Lists and maps inside each other: a job is six deep, a message with its records ten. */
  valueDepth: 64,
  httpBodyBytes: mib,
  /** 100 records of 1 KiB: one batch of a burst, 0.8 ms on a link that does 130 MB/s. */
  broadcastBytes: 128 * kib,
  /** 128 KiB of records of at least 128 B; anti-entropy answers stay below it too. */
  recordsPerBroadcast: 256,
  /** Records that one step checks: 256 signatures × 0.1 ms = 26 ms without an answer to a probe. */
  recordsPerMessage: 256,
  /** Records of one anti-entropy message; with 32 × 16 lists of 32 hashes of 8 B still below messageBytes. */
  syncBytes: 256 * kib,
  /** Nodes of the Merkle tree that are compared at once, and the paths of all their children. */
  syncBranches: 32,
  syncPaths: 32 * 16,
  /** Entries of a node that are listed rather than looked into: 16 cost 128 B, the hashes of 16 children 130. */
  syncLooked: 16,
  /** Entries, or children, that one list may name. */
  syncListed: 32,
  /** Lists of wanted entries in one question: 128 × 32 × 8 B = 32 KiB. */
  syncWanted: 128,
  /** Questions of one comparison: 300,000 records / 256, and 4,096 nodes / 32, trebled. */
  syncAsks: 4096,
  /** Comparisons with other replicas that a member leads, and those that it answers: bulk for two at a time. */
  syncSessions: 2,
  /** What a member learned lately, kept to be told first: 256 keys, told if it is no more than 64. */
  deltaLogKeys: 256,
  deltasTold: 64,
  /** Own writes that wait for the next gossip batch; more are left to anti-entropy: 4,096 × 1 KiB. */
  outboxRecords: 4096,
  /** Batches of writes that await their copies: the next one gathers what comes meanwhile. */
  replicateBatches: 2,
  /** Superseded records that are deleted without waiting for a write to go with: one write of 32 KiB. */
  lazyDeletes: 256,
  /** Tombstones that are examined in one step; the rest waits for a deadline of now. */
  tombstonesPerStep: 256,
  /** A direct message: an anti-entropy answer of up to 256 records of 1 KiB. */
  messageBytes: 512 * kib,
  /** Members: 100,000 × (4 B state + 60 B id) = 6.4 MB of table. */
  members: 100_000,
  /** Starts and refutations that nobody else heard of: a member's counters have room for 2^53 / 2^32 starts at all. */
  incarnationLeap: 2 ** 21,
  /** So many leaps up are 2^31 false claims, and above it there is room to refute. */
  incarnation: 2 ** 52,
  /** Updates on one exchange: 64 × 80 B = 5 KiB. */
  updatesPerExchange: 64,
  /** A part of a member table: 1,024 × 80 B = 80 KiB. */
  updatesPerMessage: 1024,
  availabilityPerExchange: 128,
  /** Probes whose late answers still teach: one or two a second for the longest wait, doubled. */
  probesRemembered: 64,
  /** Records: 10,000 jobs × 3 keys + 100,000 allocations, doubled: about 300 MB at 1 KiB each. */
  records: 300_000,
  /** Versions kept of a shared key: the winner and what it won against. */
  versionsPerKey: 8,
  /** Jobs × slots: the sum that a two-core agent reconciles in a second. */
  slotsPerJob: 10_000,
  tasksPerJob: 64,
  portsPerTask: 32,
  /** Local writes that await their copies: 4,096 × 2 s. More are refused with 503. */
  pendingWrites: 4096,
  /**
   * Placement requests under way from one steward: 16 at first, one more for each answer, half when answers fail to
   * come; at most 256 × 1 KiB. 16 × 1 s / 20 ms a trip are 800 placements a second, all that a small cluster can start.
   */
  pendingPlacements: 256,
  pendingPlacementsAtFirst: 16,
  pendingPlacementsAtLeast: 4,
  /** Requests given up whose answers may still come: they teach how long to wait. */
  lateAnswersRemembered: 256,
  /** Work of one step on behalf of jobs; the rest waits for a deadline of now. */
  jobsPerStep: 64,
  /** Kinds of GPU slots that a score weighs: 16 candidates × 2 × 64 kinds × 8 devices = 16,000 comparisons. */
  gpuKinds: 64,
  /** Candidates looked at in one step: 20,000 × 0.5 µs = 10 ms; two slots that fit nowhere among 10,000. */
  candidatesPerStep: 20_000,
  allocationsPerStep: 64,
  endedPerJob: 5,
  /** Why a task ended or an allocation failed: five lines of a terminal, in every member's copy. */
  reasonLength: 400,
  /** Events held until the epoch is durable, some ms after the start: 50 members × 20 messages. */
  heldEvents: 1000,
  /** Rounds in which the modules of one step tell each other what changed; each settles in two or three. */
  settleRounds: 64,
  /** Queued for one member while its link opens or is slow: four of the largest messages, or 2,000 of 1 KiB. */
  sendQueueMessages: 2000,
  sendQueueBytes: 2 * mib,
  /** Members changed on top of a placement ring: a rack or two, or one in eight: 64 × 16 points × 40 B = 40 KiB. */
  ringAmendments: 64,
  ringMembersPerAmendment: 8,
  /** Connections: 2 × 10 rings, 64 on demand, as many inbound, doubled: 200 × about 150 KiB = 30 MiB. */
  connections: 200,
  /** One, one more of a simultaneous open, and the same again while a dead one is not yet noticed. */
  connectionsPerMember: 4,
  /** Links opened on demand, outside the rings: 64 × 150 KiB = 10 MiB. The least used one is closed. */
  onDemandLinks: 64,
  /** Members that are dialled or backed off from: the rings, and every candidate of a spilled placement. */
  diallingTargets: 256,
  /** Handshakes under way: above 32 × 5 s, so that no single address can take all the places. */
  pendingHandshakes: 192,
  handshakesPerSecondAndAddress: 32,
  /** Bytes that a stream holds for a reader that is slow; its window is half of it. */
  streamBufferBytes: 2 * mib,
  /** HTTP requests under way on one connection. */
  httpStreamsPerLink: 64,
  /** DHT queries at once, and names told to it at once; each asks about 20 members. */
  dhtQueries: 8,
  dhtProvides: 2,
  /** Services that one member provides: as many as it can run tasks with a port. */
  providedNames: 1000,
  /** YAML costs about 4 ms per KiB at worst (unbalanced brackets): 0.5 s. JSON may use all of httpBodyBytes. */
  yamlBytes: 128 * kib,
  /** Aliases × what their anchors hold: templates need a few, a bomb thousands. */
  yamlAliases: 100,
  /** What is still read of a body that is too large, so that its sender gets to see the refusal. */
  httpDiscardBytes: 32 * mib,
  httpHeaderBytes: 16 * kib,
  /** Connections to the API: 1,024 × about 40 KiB of buffers and parsers = 40 MiB. */
  httpConnections: 1024,
  /** API connections from other agents, all for logs and figures: 256 × 64 KiB = 16 MiB. */
  peerStreams: 256,
  /** One page of a list unless asked, and at most: 10,000 jobs of 2 KiB are 20 MiB of JSON. */
  pageItems: 1000,
  pageItemsMax: 10_000,
  /** Events kept for clients that come back: 1,024 × 400 B. */
  eventsKept: 1024,
  /** Clients that follow the events, and what waits for one before it is dropped: 128 × 256 KiB = 32 MiB. */
  eventClients: 128,
  eventClientBytes: 256 * kib,
  /** A frame of a flight record: 64 journal entries of 66 KiB, or one event with a body of 1 MiB and its effects. */
  frameBytes: 8 * mib,
  journalEntriesPerFrame: 64,
  /** Of one step: 256 records that arrive, and as many that are written; 10,000 slots asked for and told of. */
  signaturesPerStep: 4096,
  effectsPerStep: 65_536,
  /** A whole life: an idle agent among three writes 1.3 kB/s, nine days of it; then the record ends and says so. */
  recordFileBytes: 1024 * mib,
  /** Steps kept in memory for a crash: the last minutes of a calm cluster, seconds of a busy one. */
  recordedSteps: 4096,
  recordedBytes: 16 * mib,
  /** Journal entries kept with them, while none of the steps is forgotten: 10,000 × 1 KiB. */
  recordedJournal: 10_000,
  /** Changes of the records that a calm member tells its neighbours' agreements apart by, before it writes them down. */
  pastRecords: 16,
  /** Deaths that simulated members look up: those of a second's broadcasts, in as many states of knowledge, 64 × 256 × 200 B. */
  deathsOnBoard: 64,
  statesOnBoard: 256,
  /** Key objects of authors: 4,096 × about 1 KiB outside the heap. */
  publicKeys: 4096,
  /** Events that the driver queues before it refuses local requests. */
  queuedEvents: 20_000,
} as const
