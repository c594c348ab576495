/** A message on its way: as it is, or through the codec, as between real agents. */

import { invariant } from '../protocol/base/invariant.ts'
import { remembered } from '../protocol/base/remembered.ts'
import {
  type Decoded,
  decodeBroadcast,
  decodeMessage,
  encodeBroadcast,
  encodeMessage,
} from '../protocol/codec.ts'
import type { Broadcast, Message } from '../protocol/message.ts'

export function carry(message: Message, encode: boolean): Message {
  return encode ? unwrap(decodeMessage(encodeMessage(message))) : message
}

export function carryBroadcast(broadcast: Broadcast, encode: boolean): Broadcast {
  return encode ? unwrap(decodeBroadcast(encodeBroadcast(broadcast))) : broadcast
}

/** What our own core sends must decode: anything else is a bug, not the network's fault. */
function unwrap<T>(decoded: Decoded<T>): T {
  invariant(decoded.ok, `decodes: ${decoded.ok ? '' : `${decoded.reason} ${decoded.detail}`}`)
  return decoded.value
}

/** What the message takes on the wire; encoded once, however many it is sent to. */
export const bytesOf = remembered((message: Message) => encodeMessage(message).length)

export function bytesOfBroadcast(broadcast: Broadcast): number {
  return encodeBroadcast(broadcast).length
}
