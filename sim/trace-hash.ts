/**
 * The trace of a run as 64 bits: each thing that happened changes them, by its time, its host, its kind and its
 * content, all integers, so that hashing costs some nanoseconds and no text. Two runs with the same hash did the
 * same; where two differ, `--trace` prints the lines to compare. For accidents, not for adversaries.
 */
import { hashName, hashText, mix32 } from '../protocol/base/hash.ts'
import type { Event } from '../protocol/event.ts'
import type { Broadcast, Message } from '../protocol/message.ts'
import { traceLimits } from './limits.ts'

const receivedMark = hashText('message-received')
const probeMark = hashText('probe')
const ackMark = hashText('ack')
const joinMark = hashText('join')
const nothingMark = chain(0, 0)

export class TraceHash {
  #high = 0x9e3779b9
  #low = 0x85ebca6b

  note(nowUs: number, host: number, content: number): void {
    const when = Math.imul(nowUs | 0, 0x9e3779b1) ^ Math.floor(nowUs / 4294967296)
    const what = mix32(Math.imul(host + 1, 0x85ebca77) ^ when) ^ content
    this.#high = mix32(this.#high ^ what)
    this.#low = (Math.imul(this.#low, 31) + what) | 0
  }

  text(): string {
    return hashName(this.#high, this.#low)
  }
}

/** What an event says, as an integer: its type, and of messages what tells one from another. */
export function markOf(event: Event): number {
  const kind = markOfType(event.type)
  switch (event.type) {
    case 'message-received':
      return chain(chain(kind, hashText(event.from)), markOfMessage(event.message))
    case 'broadcast-received':
      return chain(kind, markOfBroadcast(event.broadcast))
    case 'link-opened':
    case 'link-closed':
      return chain(kind, hashText(event.member))
    default:
      return 'id' in event ? chain(kind, event.id) : kind
  }
}

export const tickMark = hashText('tick')

/** As `markOf`, of a probe or an ack that says nothing new; `from` and `root` are the hashes of these texts. */
export function markOfExchange(
  isAck: boolean,
  from: number,
  sequence: number,
  incarnation: number,
  root: number,
): number {
  const kind = chain(receivedMark, from)
  const said = chain(isAck ? ackMark : probeMark, chain(sequence, incarnation))
  return chain(kind, chain(said, chain(root, nothingMark)))
}

/** The same of a greeting: `digest` is the hash of its text. */
export function markOfGreeting(from: number, digest: number): number {
  return chain(chain(receivedMark, from), chain(joinMark, digest))
}

function markOfMessage(message: Message): number {
  const kind = markOfType(message.type)
  switch (message.type) {
    case 'probe':
    case 'ack': {
      const { sequence, incarnation, updates, exchange } = message
      const told = chain(updates.length, exchange.availability.length)
      return chain(chain(kind, chain(sequence, incarnation)), chain(hashText(exchange.root), told))
    }
    case 'join':
      return chain(kind, hashText(message.digest))
    case 'member-table':
      return chain(kind, chain(hashText(message.digest), message.updates.length))
    case 'claim':
      return chain(kind, message.updates.length)
    case 'probe-request':
    case 'probe-report':
    case 'suspect':
      return chain(kind, chain(hashText(message.subject), message.incarnation))
    case 'place-request':
    case 'stop-request':
      return chain(kind, hashText(message.allocation))
    case 'place-response':
      return chain(kind, hashText(message.requested))
    case 'replicate':
    case 'replicated':
    case 'sync-ask':
    case 'sync-answer':
      return chain(kind, message.id)
    case 'sync-root':
      return chain(kind, Number(message.answer))
    case 'introduce':
      return chain(kind, Number(message.isNew))
  }
}

function markOfBroadcast(broadcast: Broadcast): number {
  const { author, sequence, updates, records, availability } = broadcast
  const contents = chain(chain(updates.length, records.length), availability?.counter ?? 0)
  return chain(chain(hashText(author), sequence), chain(contents, records[0]?.counter ?? 0))
}

function chain(a: number, b: number): number {
  return mix32(Math.imul(a, 31) ^ b ^ Math.floor(b / 4294967296))
}

const marks = new Map<string, number>()

function markOfType(type: string): number {
  let mark = marks.get(type)
  if (mark === undefined) {
    mark = hashText(type)
    marks.set(type, mark)
  }
  return mark
}

/** Names of hashes are hashed once: calm members say the same ones for as long as they are calm. */
export class NameMarks {
  readonly #hashes = new Float64Array(2 * traceLimits.names).fill(Number.NaN)
  readonly #marks = new Uint32Array(traceLimits.names)

  markOf(high: number, low: number): number {
    const place = ((high ^ low) >>> 0) % traceLimits.names
    if (this.#hashes[2 * place] !== high || this.#hashes[2 * place + 1] !== low) {
      this.#hashes[2 * place] = high
      this.#hashes[2 * place + 1] = low
      this.#marks[place] = hashText(hashName(high, low))
    }
    return this.#marks[place]!
  }
}
