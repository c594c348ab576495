/**
 * Plain consistent hashing (Karger et al., STOC 1997) with first fit: a task goes to the first machine
 * clockwise from its hash that has the room, and is refused when none of the first 16 has. What a masterless
 * placement does that weighs nothing. Points of a machine follow its size, as on the product's ring.
 */
import { keyOfSlot } from '../../protocol/placement/placement-ring.ts'
import type { MakePacker } from './packing.ts'
import { ringOf } from './ring-of.ts'

const triesMax = 16

export const consistentHashing: MakePacker = (machines) => {
  const { ring, indexOf } = ringOf(machines.members)
  return {
    choose: (task, sequence) => {
      let tries = 0
      for (const member of ring.walk(keyOfSlot(`task-${sequence}`, 0))) {
        const machine = indexOf.get(member)!
        if (machines.fits(machine, task)) return { machine }
        if (++tries === triesMax) return undefined
      }
      return undefined
    },
  }
}
