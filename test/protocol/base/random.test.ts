/** The same seed draws the same numbers, for ever: traces and transcripts depend on it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fingerprint, hashText, mix32 } from '../../../protocol/base/hash.ts'
import { Random } from '../../../protocol/base/random.ts'

const random = suite('base/random')

random('is a fixed sequence for a seed', () => {
  const drawn = (seed: number) => {
    const source = new Random(seed)
    return [source.uint32(), source.uint32(), source.uint32()]
  }
  assert.equal(drawn(1), drawn(1))
  assert.not.equal(drawn(1), drawn(2))
  assert.equal(drawn(7), [957378537, 1157909213, 1938137597])
})

random('draws evenly', () => {
  const source = new Random(3)
  const buckets = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < 100_000; i++) buckets[source.below(10)]!++
  for (const count of buckets) assert.ok(count > 9500 && count < 10_500, `${buckets}`)
})

random('shuffles without loss', () => {
  const items = Array.from({ length: 50 }, (_, i) => i)
  const shuffled = new Random(5).shuffle([...items])
  assert.not.equal(shuffled, items)
  assert.equal(
    shuffled.sort((a, b) => a - b),
    items,
  )
})

random('samples are of the items, each once, and even', () => {
  const source = new Random(9)
  const counts = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < 20_000; i++) {
    const drawn = source.sample([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3)
    assert.is(new Set(drawn).size, 3)
    for (const item of drawn) counts[item]!++
  }
  for (const count of counts) assert.ok(count > 5700 && count < 6300, `${counts}`)
  assert.equal(new Random(9).sample([1, 2], 5).sort(), [1, 2])
})

random('goes on where its state is kept', () => {
  const words = new Int32Array(8)
  const kept = new Random(7, words, 4)
  const drawn = [kept.uint32(), new Random(7, words, 4).uint32(), new Random(0, words, 4).uint32()]
  assert.equal(drawn, [957378537, 1157909213, 1938137597])
  assert.equal([...words.slice(0, 4)], [0, 0, 0, 0])
})

random('hashes are the same on every machine, and spread', () => {
  assert.is(fingerprint('starling'), 'b70907fff3a86dd0')
  assert.is(mix32(0), 0)
  const seen = new Set<number>()
  for (let i = 0; i < 10_000; i++) seen.add(hashText(`job-${i}`))
  assert.ok(seen.size >= 9999)
})

random.run()
