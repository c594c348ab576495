/** A scenario's links and clocks as the models count: integer microseconds, parts per million, bytes a second. */
import type { Nearness } from '../topology.ts'
import { bytesPerSecond, durationRangeUs, durationUs, sharePpm } from './quantity.ts'
import type { ClocksShape, LinkShape, LinksShape } from './shape.ts'

export interface LinkPlan {
  readonly latencyMinUs: number
  readonly latencyMaxUs: number
  /** On top, drawn from 0 to this for each message. */
  readonly jitterUs: number
  /** Of one member's port; undefined: it never fills. */
  readonly bytesPerSecond: number | undefined
  readonly lossPpm: number
  readonly duplicatePpm: number
}

export type NetworkPlan = { readonly [nearness in Nearness]: LinkPlan }

export interface ClockPlan {
  readonly skewUs: number
  readonly driftPpm: number
}

export function networkPlan(links: LinksShape): NetworkPlan {
  const sameRack = linkPlan(links.sameRack)
  const sameRegion = links.sameRegion === undefined ? sameRack : linkPlan(links.sameRegion)
  const { betweenRegions } = links
  return {
    sameRack,
    sameRegion,
    betweenRegions: betweenRegions === undefined ? sameRegion : linkPlan(betweenRegions),
  }
}

function linkPlan({ latency, jitter, bandwidth, loss, duplication }: LinkShape): LinkPlan {
  const { min, max } = durationRangeUs(latency)
  return {
    latencyMinUs: min,
    latencyMaxUs: max,
    jitterUs: durationUs(jitter),
    bytesPerSecond: bandwidth === undefined ? undefined : bytesPerSecond(bandwidth),
    lossPpm: sharePpm(loss),
    duplicatePpm: sharePpm(duplication),
  }
}

export function clockPlan({ skew, driftPpm }: ClocksShape): ClockPlan {
  return { skewUs: durationUs(skew), driftPpm }
}
