/**
 * Times of the network layer, in milliseconds. They are not part of the protocol's configuration, since
 * nothing there depends on them and the simulator has its own network.
 */
export const timing = {
  /** One address: a SYN is sent again after 1 s and 3 s, and a busy machine takes long to shake hands. */
  dialAddressMs: 5000,
  dialMs: 8000,
  /** Cluster key, noise and multiplexer, done by the one who was dialled. See `limits.pendingHandshakes`. */
  handshakeMs: 5000,
  /** From the connection to the proof of membership; longer than a busy start needs. */
  proofMs: 8000,
  /** Redial of a kept link: 0.25, 0.5, … 8 s, each spread by ±50 %. The last is the time to heal. */
  redialMinMs: 250,
  redialMaxMs: 8000,
  /** Of two members that keep a link to each other the one with the larger id waits, or both would dial. */
  yieldMs: 150,
  /** A link that lived this long has no bad record. */
  stableMs: 5000,
  joinMinMs: 250,
  joinMaxMs: 10_000,
  /** Join addresses that never answered are tried again at this pace, even when linked to others. */
  joinAgainMs: 30_000,
  /**
   * A link is asked for a sign of life when it was silent for so long, or for `unansweredMs` after we said
   * something, and is cut when none comes within `signMs`. TCP alone would go on for a quarter of an hour.
   * Twenty idle links cost two messages a second.
   */
  idleCheckMs: 20_000,
  unansweredMs: 4000,
  signMs: 10_000,
  /** Links outside the rings are closed when they carried nothing for so long. */
  idleMs: 60_000,
  /** Links are looked over: silence, idleness, missing gossip streams. */
  sweepMs: 1000,
  /** Gossipsub and the DHT learn of a connection from identify; a missing stream is asked for again. */
  gossipRepairMs: 5000,
  gossipHeartbeatMs: 3000,
  /** DHT records are hints. One walk writes 20 of them, so they are renewed at half of their life. */
  dhtValidityMs: 180_000,
  dhtRenewMs: 90_000,
  dhtCheckMs: 15_000,
  dhtQueryMs: 10_000,
  /** The first walk to ourselves, and the later ones. */
  dhtSelfWalkMs: 60_000,
  dhtSelfWalkAgainMs: 600_000,
  /** Names that too few members heard of are provided again this long after a link opened. */
  dhtSettleMs: 2000,
  /** What is queued when the node stops gets so long to be read. */
  endMs: 300,
  /** Open streams get so long to end when the node stops. */
  stopMs: 1000,
} as const

/** Exponential back-off with ±50 % of jitter, so that many who lost the same member do not dial in step. */
export function backOffMs(
  attempt: number,
  bounds: { minMs: number; maxMs: number },
  chance: number = Math.random(),
): number {
  const base = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(attempt, 20))
  return Math.round(base * (0.5 + chance))
}
