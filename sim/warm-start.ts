/**
 * A cluster that is warm at once: all agents run, and each knows every member, every node's record and what every
 * node has free, as after a boot that has settled. Booting 10,000 agents takes 10,000 × 10,000 records; here one
 * core, which runs nowhere, reads the journal of such a boot the ordinary way, and the others begin with what it
 * knows. Each disk holds the same journal beneath what its agent writes from now on. Nothing is written or
 * announced again: the journals lack only the line that counts starts, so all have the incarnation that the
 * others know.
 *
 * Links are opened the ordinary way, and everyone greets everyone it is linked to: that takes the first second or
 * two. Not as after a boot: nobody remembers who told it what, so availability known from the start is told to no
 * one who comes later; its changes are.
 */
import { type Cell, cellsOf } from './cell.ts'
import type { Simulator } from './simulator.ts'

/** `cell`: of so many, one after the other, each knows only the others of its cell; left out, all are one. */
export function startWarm(simulator: Simulator, cell = simulator.hosts.length): void {
  for (const each of cellsOf(simulator, cell)) startTogether(each)
}

function startTogether({ hosts, knowledge }: Cell): void {
  const { base, template } = knowledge
  for (const host of hosts) {
    host.disk.restore(base)
    host.start([], template)
  }
}
