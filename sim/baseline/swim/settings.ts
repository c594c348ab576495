/**
 * SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey, 2017) as hashicorp/memberlist
 * runs it with the settings for a local network that it has by default, and the formulas that follow from them.
 */

export const swimSettings = {
  probeIntervalUs: 1_000_000,
  probeTimeoutUs: 500_000,
  indirectChecks: 3,
  gossipIntervalUs: 200_000,
  gossipNodes: 3,
  /** The dead are gossiped to for so long. */
  gossipToTheDeadUs: 30_000_000,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxMult: 6,
  awarenessMax: 8,
  pushPullIntervalUs: 30_000_000,
  /** Updates of about 60 B in a datagram of 1,400 B. */
  updatesPerDatagram: 22,
} as const

/** Times that one member tells an update. */
export function retransmitLimit(members: number): number {
  return swimSettings.retransmitMult * Math.ceil(Math.log10(members + 1))
}

export interface SuspicionTimes {
  readonly minUs: number
  readonly maxUs: number
  /** Confirmations by others that bring it down to the least. */
  readonly confirmations: number
}

export function suspicionTimes(members: number): SuspicionTimes {
  const { suspicionMult, suspicionMaxMult, probeIntervalUs } = swimSettings
  const nodeScale = Math.max(1, Math.log10(Math.max(1, members)))
  const minUs = Math.floor(suspicionMult * nodeScale * probeIntervalUs)
  const wanted = suspicionMult - 2
  const confirmations = members - 2 < wanted ? 0 : wanted
  return { minUs, maxUs: suspicionMaxMult * minUs, confirmations }
}

/** From the start of the suspicion. */
export function suspicionUs(
  { minUs, maxUs, confirmations }: SuspicionTimes,
  heard: number,
): number {
  if (confirmations === 0) return minUs
  const share = Math.log(heard + 1) / Math.log(confirmations + 1)
  return Math.max(minUs, Math.floor(maxUs - share * (maxUs - minUs)))
}

/** Whole states are exchanged the more rarely the more members there are. */
export function pushPullUs(members: number): number {
  const { pushPullIntervalUs } = swimSettings
  if (members <= 32) return pushPullIntervalUs
  return pushPullIntervalUs * (Math.ceil(Math.log2(members) - Math.log2(32)) + 1)
}
