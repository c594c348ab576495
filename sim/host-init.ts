/** What a simulated machine is, before its agent has ever run. */
import type { MemberId } from '../protocol/base/id.ts'
import type { Random } from '../protocol/base/random.ts'
import type { NodeBody } from '../protocol/placement/node-body.ts'
import type { Resources } from '../protocol/placement/resources.ts'

export interface HostInit {
  readonly index: number
  readonly random: Random
  /** The wall clock is off by so much, and both clocks drift. */
  readonly skewMs: number
  readonly driftPpm: number
  readonly capacity: Resources
  readonly labels: { readonly [key: string]: string }
  /** Of a member that was there before; left out, it is named after its index and has never run. */
  readonly identity?: HostIdentity | undefined
}

export interface HostIdentity {
  readonly id: MemberId
  /** As its record says it: it has nothing new to tell. */
  readonly node: NodeBody
  /** It has started so often: no dot and no incarnation of those lives is used again. */
  readonly starts: number
}

export function idOf({ index, identity }: Pick<HostInit, 'index' | 'identity'>): MemberId {
  return interned(identity?.id ?? `member-${String(index).padStart(6, '0')}`)
}

/** The same text, which the engine compares by its place: ids are compared all the time. */
function interned(text: string): string {
  return Object.keys({ [text]: true })[0]!
}

/** What a simulated machine says of itself. */
export function simulatedNode({
  name,
  labels,
  capacity,
}: Pick<NodeBody, 'name' | 'labels' | 'capacity'>): NodeBody {
  const said = { addresses: [], host: '127.0.0.1', version: 'sim', awayUntil: null }
  return { ...said, name, labels, capacity, runtimes: ['process'] }
}
