/** What members say to each other about who is there. Every one carries its sender's incarnation. */
import {
  anything,
  boolean,
  type Infer,
  integer,
  list,
  literal,
  object,
  type Schema,
  text,
} from '../base/schema.ts'
import { limits } from '../limits.ts'
import type { Exchange } from '../message.ts'
import type { MemberUpdate } from './member.ts'

const memberId = text({ min: 1, max: limits.memberIdLength })
const sequence = integer(0, 2 ** 40)
const incarnation = integer(0, limits.incarnation)
export const updateSchema: Schema<MemberUpdate> = object({
  member: memberId,
  incarnation,
  state: literal('alive', 'suspect', 'down', 'left'),
})
const updates = list(updateSchema, limits.updatesPerMessage)
/** The core's codec checks its inside. */
const exchange = anything() as Schema<Exchange>

/** Says hello on a new link, and now and then to a neighbour: equal digests, nothing more to say. */
const joinSchema = object({
  type: literal('join'),
  incarnation,
  digest: text({ max: 16 }),
  /** The sender knows nobody yet: the receiver makes it known to all. */
  isNew: boolean(),
})

/** A part of the sender's table, because the digests differ. */
const tableSchema = object({
  type: literal('member-table'),
  updates,
  digest: text({ max: 16 }),
  isLast: boolean(),
  /** Sent because of the other's table: not answered again. */
  isAnswer: boolean(),
})

const probeSchema = object({
  type: literal('probe'),
  sequence,
  incarnation,
  updates,
  exchange,
})
const ackSchema = object({
  type: literal('ack'),
  sequence,
  incarnation,
  updates,
  exchange,
})

/** Asks another observer to probe the subject now. */
const probeRequestSchema = object({
  type: literal('probe-request'),
  subject: memberId,
  incarnation,
})
const probeReportSchema = object({
  type: literal('probe-report'),
  subject: memberId,
  incarnation,
  reached: boolean(),
})
/** Tells the subject, so that it can refute, and its other observers. */
const suspectSchema = object({ type: literal('suspect'), subject: memberId, incarnation })
/** Tells a member, or all linked ones, what is held of somebody. */
const claimSchema = object({ type: literal('claim'), updates })

export const membershipMessages = {
  join: joinSchema,
  'member-table': tableSchema,
  probe: probeSchema,
  ack: ackSchema,
  'probe-request': probeRequestSchema,
  'probe-report': probeReportSchema,
  suspect: suspectSchema,
  claim: claimSchema,
}

export type Join = Infer<typeof joinSchema>
export type MemberTableMessage = Infer<typeof tableSchema>
export type Probe = Infer<typeof probeSchema>
export type Ack = Infer<typeof ackSchema>
export type ProbeReport = Infer<typeof probeReportSchema>
export type MembershipMessage =
  | Join
  | MemberTableMessage
  | Probe
  | Ack
  | Infer<typeof probeRequestSchema>
  | ProbeReport
  | Infer<typeof suspectSchema>
  | Infer<typeof claimSchema>
