/** What this member says of itself: its node's record, written again when it is another than others hold. */
import { isSameValue } from './base/bytes.ts'
import type { Millis } from './base/id.ts'
import type { Value } from './base/value.ts'
import type { EffectSink } from './effect.ts'
import type { NodeBody } from './placement/node-body.ts'
import type { Placement } from './placement/placement.ts'
import type { Replica } from './replication/replica.ts'

export interface OwnNodeParts {
  readonly replica: Replica
  readonly placement: Placement
}

export class OwnNode {
  readonly #parts: OwnNodeParts
  #body: NodeBody

  constructor(parts: OwnNodeParts, body: NodeBody) {
    this.#parts = parts
    this.#body = body
  }

  change(body: NodeBody, now: Millis, out: EffectSink): void {
    this.#body = body
    this.write(now)
    this.#parts.placement.host.onNodeChanged(body, now, out)
  }

  write(now: Millis): void {
    const { replica } = this.#parts
    const key = `node/${replica.self}`
    const body = { ...this.#body } as unknown as Value
    const held = replica.value(key)
    if (held === undefined || !isSameValue(held, body)) replica.writeOwn(key, body, now)
  }
}
