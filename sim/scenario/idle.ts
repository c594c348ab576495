/**
 * Which knobs of a scenario had no effect in a run: a fault that never struck, or struck and changed nothing, loss
 * that lost nothing, load that nobody took. Such a run tests less than it says, so it fails.
 */
import type { Run } from '../scenario.ts'
import { durationUs, sharePpm } from './quantity.ts'
import type { LinkShape } from './shape.ts'

export function idleKnobs(run: Run): string[] {
  return [...idleFaults(run), ...idleLinks(run), ...idleClocks(run), ...idleWorkload(run)]
}

function idleFaults({ nemesis }: Run): string[] {
  return nemesis.tallies.flatMap(({ fault, strikes, struck, effect }, i) => {
    if (effect > 0) return []
    const why =
      strikes === 0
        ? 'never struck'
        : struck === 0
          ? 'struck nobody'
          : `struck ${struck} times without effect`
    return [`faults[${i}] ${fault}: ${why}`]
  })
}

function idleLinks({ scenario, simulator }: Run): string[] {
  const { counts } = simulator.network
  const isLossy = (link: LinkShape | undefined) => link !== undefined && sharePpm(link.loss) > 0
  const links = [scenario.links.sameRack, scenario.links.sameRegion, scenario.links.betweenRegions]
  return links.some(isLossy) && counts.lost === 0 ? ['links loss: nothing was lost'] : []
}

/** A single member may be off by nothing. */
function idleClocks({ scenario, simulator }: Run): string[] {
  const skewUs = durationUs(scenario.clocks.skew)
  if (skewUs < 1000 || simulator.hosts.length < 2) return []
  const readings = new Set(simulator.hosts.map(({ clock }) => clock.nowMs(simulator.nowUs)))
  return readings.size > 1 ? [] : ['clocks skew: all clocks agree']
}

function idleWorkload({ scenario, workload }: Run): string[] {
  if (scenario.workload.length === 0) return []
  const { acts, ledger } = workload
  const asked = acts.submit + acts.scale + acts.edit + acts.delete
  if (asked === 0) return ['workload: nothing was asked for']
  return ledger.acknowledged.length === 0 ? ['workload: nothing was acknowledged'] : []
}
