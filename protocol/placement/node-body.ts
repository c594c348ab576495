/** What a member says of its machine: the body of `node/<member>`. */
import type { Millis } from '../base/id.ts'
import type { Resources } from './resources.ts'

export interface NodeBody {
  /** Chosen by the operator; unique by convention only. */
  readonly name: string
  /** Multiaddrs without the peer id, best first. */
  readonly addresses: readonly string[]
  readonly labels: { readonly [key: string]: string }
  readonly capacity: Resources
  /** Runtimes that answer on it now. */
  readonly runtimes: readonly ('process' | 'docker')[]
  /** Why a runtime that it should have does not answer, for a person. */
  readonly troubles?: readonly string[] | undefined
  /** Where its services are reached. */
  readonly host: string
  readonly version: string
  /** Gone on purpose and back by then (a restart, an upgrade): its slots are not replaced before. Null otherwise. */
  readonly awayUntil: Millis | null
}
