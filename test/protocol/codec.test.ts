/** What goes over the wire comes back as it was, and what equal replicas cost each other is a few bytes. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeCanonical, encodeCanonical } from '../../protocol/base/bytes.ts'
import type { Value } from '../../protocol/base/value.ts'
import { decodeMessage, encodeMessage } from '../../protocol/codec.ts'
import type { Message } from '../../protocol/message.ts'

const codec = suite('codec')

function ack(root: string): Message {
  const exchange = { root, clock: 6e15, availability: [] }
  return { type: 'ack', sequence: 1, incarnation: 1, updates: [], exchange }
}

codec('an exchange comes back as it was, its root as eight bytes on the way', () => {
  const digit = fc.integer({ min: 0, max: 15 }).map((each) => each.toString(16))
  const root = fc.array(digit, { minLength: 16, maxLength: 16 }).map((digits) => digits.join(''))
  fc.assert(
    fc.property(root, (name) => {
      const decoded = decodeMessage(encodeMessage(ack(name)))
      assert.equal(decoded, { ok: true, value: ack(name) })
    }),
  )
})

codec('the root of equal replicas adds at most 16 bytes', () => {
  const message = decodeCanonical(encodeMessage(ack('e74c68b04578ff72'))) as {
    exchange: { root?: Value }
  }
  const whole = encodeCanonical(message as unknown as Value).length
  delete message.exchange.root
  assert.ok(whole - encodeCanonical(message as unknown as Value).length <= 16)
})

codec('a root that is no bytes, or too many, is dropped', () => {
  for (const root of ['e74c68b04578ff72', 7, new Uint8Array(9)]) {
    const wire = { ...ack(''), exchange: { root, clock: 1, availability: [] } }
    const decoded = decodeMessage(encodeCanonical(wire as unknown as Value))
    assert.not(decoded.ok)
    assert.match((decoded as { detail: string }).detail, /exchange.root/)
  }
})

codec.run()
