/**
 * What a steward and a member say to each other about one slot. `records` lets each hand the other what it
 * may not have yet (the job; the new allocation), so that neither waits for gossip; the core joins them
 * into the replica, which checks their authors' signatures, before placement sees the message.
 */
import {
  anything,
  boolean,
  type Infer,
  integer,
  list,
  literal,
  nullable,
  object,
  optional,
  text,
} from '../base/schema.ts'
import { limits } from '../limits.ts'

const memberId = text({ min: 1, max: limits.memberIdLength })
const jobId = text({ min: 1, max: limits.jobIdLength })
const allocationId = text({ min: 1, max: limits.allocationIdLength })
const amount = integer(-1_073_741_824, 1_073_741_824)
const vector = object({ cpu: amount, memory: amount, disk: amount, gpu: amount })

export const availabilitySchema = object({
  member: memberId,
  counter: integer(0, Number.MAX_SAFE_INTEGER),
  capacity: vector,
  committed: vector,
  used: vector,
})

/** Asks a member to take a slot. Asked again about a slot that it has, it answers with that allocation. */
export const placeRequestSchema = object({
  type: literal('place-request'),
  job: jobId,
  slot: integer(0, limits.slotsPerJob - 1),
  version: text({ max: 32 }),
  essence: text({ max: 32 }),
  allocation: allocationId,
  /** Failures of this slot's earlier allocations in a row. */
  failures: integer(0, 1_000_000),
  /** Live allocation of the same slot that this one is to replace (an update, a drain); null for none. */
  replaces: nullable(allocationId),
  /** Earlier allocations of the slot that have ended or are lost: the member may not have heard of it yet. */
  over: list(allocationId, limits.endedPerJob),
  /** The job's spec and count records. */
  records: list(anything(), 4),
})

export const placeResponseSchema = object({
  type: literal('place-response'),
  job: jobId,
  slot: integer(0, limits.slotsPerJob - 1),
  /** The one that was asked for. */
  requested: allocationId,
  /** The one that the member has now, which may be an earlier one; null when it declines. */
  allocation: nullable(allocationId),
  /** Why it declines, for a person; null when it accepts. */
  reason: nullable(text({ max: 512 })),
  availability: optional(availabilitySchema),
  /** The allocation's record. */
  records: list(anything(), 1),
})

/** Asks the owner of an allocation to stop it. No answer: its record shows it. */
export const stopRequestSchema = object({
  type: literal('stop-request'),
  allocation: allocationId,
  reason: text({ max: 512 }),
  /** The steward holds it for unhealthy: one that has turned healthy meanwhile goes on, as its record will say. */
  unlessHealthy: optional(boolean()),
})

export const placementMessages = {
  'place-request': placeRequestSchema,
  'place-response': placeResponseSchema,
  'stop-request': stopRequestSchema,
}

export type PlaceRequest = Infer<typeof placeRequestSchema>
export type PlaceResponse = Infer<typeof placeResponseSchema>
export type StopRequest = Infer<typeof stopRequestSchema>
export type PlacementMessage = PlaceRequest | PlaceResponse | StopRequest
