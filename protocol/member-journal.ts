/**
 * Which members were there, across a restart: `member/<id>` in the journal. A restarted member counts on
 * those that it knew until the probes say otherwise, so it does not take over slots that still run.
 */
import type { MemberId } from './base/id.ts'
import { check, integer, literal, object } from './base/schema.ts'
import type { StoreWrite } from './effect.ts'
import type { MemberUpdate } from './membership/member.ts'

const prefix = 'member/'
const bodySchema = object({
  incarnation: integer(0, Number.MAX_SAFE_INTEGER),
  state: literal('alive', 'suspect', 'down', 'left'),
})

export function memberWrite({ member, incarnation, state }: MemberUpdate): StoreWrite {
  return { key: prefix + member, value: { incarnation, state } }
}

export function memberForgetting(member: MemberId): StoreWrite {
  return { key: prefix + member, value: null }
}

export function journaledMembers(journal: Iterable<StoreWrite>, self: MemberId): MemberUpdate[] {
  const updates: MemberUpdate[] = []
  for (const { key, value } of journal) {
    const member = key.slice(prefix.length)
    if (!key.startsWith(prefix) || member === self) continue
    const body = check(bodySchema, value)
    // A suspicion is for its observers to hold; here it is a member like any other.
    if (body.ok) {
      const state = body.value.state === 'suspect' ? 'alive' : body.value.state
      updates.push({ member, incarnation: body.value.incarnation, state })
    }
  }
  return updates
}
