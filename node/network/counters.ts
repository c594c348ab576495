/** What the network did and what it refused, for the metrics. */
import type { NetworkCounters } from './network.ts'

/**
 * queue-full: the member is slower than what is sent to it. unreachable: no address, or it did not answer.
 * too-large, malformed: what a member sent. handshake-refused: wrong or no cluster key, another protocol,
 * or no answer in time. connection-limit: too many handshakes or connections at once.
 * not-linked: a stream without a proof of membership. silent: a link whose other end is gone without a word.
 * gossip-lost: a link without its gossip stream, opened anew. dht-busy, dht-failed: hints that were not had.
 */
export type DropReason =
  | 'queue-full'
  | 'unreachable'
  | 'too-large'
  | 'malformed'
  | 'handshake-refused'
  | 'connection-limit'
  | 'not-linked'
  | 'silent'
  | 'publish-failed'
  | 'gossip-lost'
  | 'dht-busy'
  | 'dht-failed'

export class Counters {
  sent = 0
  received = 0
  bytesSent = 0
  bytesReceived = 0
  published = 0
  publishedCopies = 0
  gossipReceived = 0
  readonly #dropped = new Map<DropReason, number>()

  drop(reason: DropReason, count = 1): void {
    if (count > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count)
  }

  snapshot(links: number): NetworkCounters {
    return {
      links,
      sent: this.sent,
      received: this.received,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      published: this.published,
      publishedCopies: this.publishedCopies,
      gossipReceived: this.gossipReceived,
      dropped: Object.fromEntries(this.#dropped),
    }
  }
}
