/**
 * What makes a cluster on the wire: the ids of its protocols, and the keys that follow from the cluster key.
 *
 * The cluster key itself is never used directly. One derived key guards every connection (protector.ts).
 * Somebody in the middle could let two members go through that and then take the place of one of them, so
 * each link also proves membership inside noise: a MAC over both ids under a second derived key.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MemberId } from '../../protocol/base/id.ts'

export interface ProtocolIds {
  direct: string
  gossip: string
  http: string
  dht: string
}

export function protocolIds(cluster: string, cell: string): ProtocolIds {
  const of = (name: string) => `/starling/1/${cluster}/${cell}/${name}`
  return { direct: of('direct'), gossip: of('gossip'), http: of('http'), dht: of('dht') }
}

/** For the encryption of everything between members, see protector.ts. */
export function networkKey(clusterKey: Uint8Array): Uint8Array {
  return derive(clusterKey, 'starling/1/network')
}

const version = 1
export const helloBytes = 33

/** What `from` says first to `to`: the version and the proof. */
export function hello(clusterKey: Uint8Array, from: MemberId, to: MemberId): Uint8Array {
  const proof = derive(derive(clusterKey, 'starling/1/member'), `${from}\0${to}`)
  return Buffer.concat([Uint8Array.of(version), proof])
}

export function isHello(bytes: Uint8Array, expected: Uint8Array): boolean {
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

function derive(key: Uint8Array, label: string): Buffer {
  return createHmac('sha256', key).update(label).digest()
}
