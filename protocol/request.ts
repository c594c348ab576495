/** What a local client asks of the core, and what it is told. Reads do not come here: they use the view. */
import type { AllocationId, JobId, MemberId } from './base/id.ts'
import type { Issue } from './base/schema.ts'

/** `copies`: the write concern w; null for the default (2 where another member is reachable, else 1). */
export type Command =
  | {
      readonly type: 'submit-job'
      /** As the client sent it: checked by the core. */
      readonly spec: unknown
      /** `create` refuses an id that exists; `replace` one that does not. */
      readonly mode: 'create' | 'replace' | 'upsert'
      /** The version that the client saw; null for no condition. */
      readonly ifMatch: string | null
      readonly copies: number | null
    }
  | {
      readonly type: 'scale-job'
      readonly job: JobId
      readonly count: unknown
      readonly ifMatch: string | null
      readonly copies: number | null
    }
  | {
      readonly type: 'delete-job'
      readonly job: JobId
      readonly ifMatch: string | null
      readonly copies: number | null
    }
  | {
      readonly type: 'drain-node'
      readonly member: MemberId
      readonly draining: boolean
      readonly copies: number | null
    }
  /** Stop one allocation; its slot is placed again. */
  | { readonly type: 'stop-allocation'; readonly allocation: AllocationId }

export type Reply =
  | {
      readonly ok: true
      readonly created: boolean
      readonly id: string
      readonly version: string | null
      readonly copies: number
    }
  | { readonly ok: false; readonly problem: Problem }

/** RFC 9457 without the HTTP parts. */
export interface Problem {
  readonly code: ProblemCode
  readonly detail: string
  readonly issues?: readonly Issue[]
  /** Copies that a write did reach, where that is the problem. */
  readonly copies?: number
}

export type ProblemCode =
  | 'invalid' // 422
  | 'not-found' // 404
  | 'exists' // 409
  | 'version-mismatch' // 409
  | 'too-few-copies' // 503: the write may still spread
  | 'storage-failed' // 507: refused, nothing changed
  | 'overloaded' // 503: refused, nothing changed
  | 'leaving' // 503
