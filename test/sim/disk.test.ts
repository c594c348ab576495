/** The disk's model: group commit in order, and what is left after each way to go. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../protocol/base/random.ts'
import { Disk } from '../../sim/disk.ts'

const disks = suite('sim/disk')

const write = (key: string) => [{ key, value: 1 }]
const keys = (disk: Disk) => disk.journal().map(({ key }) => key)

disks('writes that come during an fsync are durable together, after it', () => {
  const disk = new Disk(new Random(1))
  const first = disk.write(write('a'), 0)
  const second = disk.write(write('b'), first - 1)
  assert.is(disk.write(write('c'), first - 1), second)
  assert.ok(first < second)
  assert.is(disk.settle(first), true)
  assert.equal(keys(disk), ['a'])
  assert.is(disk.settle(second), true)
  assert.equal(keys(disk), ['a', 'b', 'c'])
  assert.is(disk.counts.batches, 2)
})

disks('a crash never leaves part of a batch, nor anything behind it', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 400; seed++) {
    const disk = new Disk(new Random(seed))
    disk.write([...write('a'), ...write('b')], 0)
    const waiting = disk.write(write('c'), 1)
    disk.crash(seed % 2 === 0 ? 'kill' : 'powerOff', 2)
    seen.add(`${seed % 2 === 0 ? 'kill' : 'powerOff'} ${keys(disk)}`)
    assert.is(disk.counts.lost, 1)
    assert.is(disk.counts.torn + disk.counts.untold, 1)
    assert.ok(waiting > 0)
  }
  const outcomes = ['kill ', 'kill a,b', 'powerOff ', 'powerOff a,b']
  assert.equal([...seen].sort(), outcomes)
})

disks('a full disk fails, mostly without a trace, and is tried again after a while', () => {
  let whole = 0
  for (let seed = 0; seed < 200; seed++) {
    const disk = new Disk(new Random(seed))
    disk.isFull = true
    const failedAt = disk.write(write('a'), 0)
    assert.is(disk.settle(failedAt), false)
    whole += keys(disk).length
    disk.isFull = false
    assert.is(disk.settle(disk.write(write('b'), failedAt)), false, 'too soon')
    const later = disk.write(write('c'), failedAt + 600_000)
    assert.is(disk.settle(later), true)
    assert.is(disk.counts.failed, 2)
    assert.ok(keys(disk).includes('c'))
  }
  assert.ok(whole > 0 && whole < 60, `${whole} of 200`)
})

disks('a slow disk takes as many times as long', () => {
  const [usual, slow] = [new Disk(new Random(3)), new Disk(new Random(3))]
  slow.slownessPermille = 10_000
  const [quick, long] = [usual.write(write('a'), 0), slow.write(write('a'), 0)]
  assert.ok(long >= 10 * quick && long < 10 * (quick + 1), `${quick} and ${long}`)
  assert.equal([usual.counts.slowed, slow.counts.slowed], [0, 1])
})

disks('a destroyed one is empty', () => {
  const disk = new Disk(new Random(1))
  disk.settle(disk.write(write('a'), 0))
  disk.destroy()
  assert.equal(keys(disk), [])
})

disks.run()
