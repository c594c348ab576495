/** The product's placement ring over the machines of a run. */
import type { MemberId } from '../../protocol/base/id.ts'
import { PlacementRing, pointsOf } from '../../protocol/placement/placement-ring.ts'
import type { TraceMember } from '../trace/trace.ts'

export interface MachineRing {
  readonly ring: PlacementRing
  readonly indexOf: ReadonlyMap<MemberId, number>
  /** By place on the ring. */
  readonly machines: Int32Array
}

export function ringOf(members: readonly TraceMember[]): MachineRing {
  const points = members.map(({ name, cpu, memory }): [MemberId, number] => [
    name,
    pointsOf({ cpu, memory, disk: 0, gpu: 0 }),
  ])
  const ring = PlacementRing.empty.patched(new Map(points))
  const indexOf = new Map(members.map(({ name }, i) => [name, i]))
  return { ring, indexOf, machines: Int32Array.from(ring.members, (name) => indexOf.get(name)!) }
}
