/** S2: what was acknowledged on two copies is still there, whichever one node was lost. */
import type { Simulator } from '../simulator.ts'
import type { Ledger } from '../workload/ledger.ts'

export function lostWrites(simulator: Simulator, ledger: Ledger): string[] {
  const witness = simulator.up()[0]
  if (witness === undefined) return ['S2: nobody is left to ask']
  const jobs = new Set(
    witness.core
      .view()
      .jobs()
      .map((job) => job.id),
  )
  return ledger
    .mustExist(2)
    .filter((job) => !jobs.has(job))
    .map((job) => `S2: ${job} was acknowledged and is gone`)
}
