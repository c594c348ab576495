/**
 * A quiet cluster of which only rows of numbers are kept. Of a calm member nothing happens but its turns, probes and
 * acks, from row to row (calm-traffic.ts); so its core, its disk and its connections' ends are made when something
 * else first happens to it or it is asked, as they would be then if they had been there all along (`Host.wakeUp`). Of
 * a million members that sleep each takes some 8 kB, a third of it what its cell knows of it; awake it takes 54.
 *
 * Each has lived half a minute when the run begins (settling.ts), and its links are long open. Not as if it had been
 * awake: whom it passes gossip on to is settled when it wakes up. Not for runs that are `isPlain`, where nobody is
 * calm, nor for lives that are recorded.
 */
import { type Cell, cellsOf } from './cell.ts'
import { dialsFirst } from './dialler.ts'
import type { Host } from './host.ts'
import type { Simulator } from './simulator.ts'

/** `cell`: of so many, one after the other, each knows only the others of its cell; left out, all are one. */
export function startAsleep(simulator: Simulator, cell = simulator.hosts.length): void {
  for (const each of cellsOf(simulator, cell)) sleepTogether(simulator, each)
}

function sleepTogether(simulator: Simulator, { hosts, knowledge }: Cell): void {
  /** Of each, in the order of its row's slots. */
  const neighbours = new Map<number, Int32Array>()
  for (const host of hosts) {
    const others = simulator.hostsOf(host.fallAsleep(knowledge).neighbours)
    neighbours.set(host.index, Int32Array.from(others, indexOf))
  }
  for (const [index, others] of neighbours)
    for (const [slot, other] of others.entries()) {
      if (!dialsFirst(index, other)) continue
      const back = neighbours.get(other)!.indexOf(index)
      connect(simulator, { index, slot }, { index: other, slot: back })
    }
}

interface End {
  readonly index: number
  /** Of the other end. */
  readonly slot: number
}

function connect({ links, traffic, nowUs }: Simulator, from: End, to: End): void {
  const way = 2 * links.ways.addWhole(nowUs)
  traffic.connect(from.index, from.slot, { to: to.index, way, back: to.slot })
  traffic.connect(to.index, to.slot, { to: from.index, way: way + 1, back: from.slot })
}

const indexOf = ({ index }: Host) => index
