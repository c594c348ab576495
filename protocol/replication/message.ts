export type ReplicationMessage = never
