export type MembershipMessage = never
