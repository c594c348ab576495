/** Which members provide a service: found while it is provided, and nothing ever waits for it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceKey } from '../../../node/network/dht.ts'
import { introduce, member, type TestMember, until } from './members.ts'

const dht = suite('network/dht')

async function found(by: TestMember, name: string, limitMs = 3000): Promise<string[]> {
  const members: string[] = []
  for await (const id of by.network.findProviders(name, AbortSignal.timeout(limitMs))) {
    members.push(id)
  }
  return members.sort()
}

async function findUntil(by: TestMember, name: string, expected: string[]): Promise<void> {
  let last = await found(by, name)
  const end = Date.now() + 15_000
  while (last.length !== expected.length && Date.now() < end) last = await found(by, name)
  assert.equal(last, expected.sort())
}

dht('a service is found by everyone, from its providers', async () => {
  const members = await Promise.all([1, 2, 3, 4, 5].map((seed) => member(seed)))
  const [first, second] = members as [TestMember, TestMember]
  first.network.provide('web') // before it knows anybody
  introduce(...members)
  for (const each of members) each.network.keepLinks(members.map(({ id }) => id))
  await until('mesh', () => members.every((each) => each.network.counters().links === 4))
  second.network.provide('web')
  second.network.provide('web')
  for (const each of members) await findUntil(each, 'web', [first.id, second.id])
  assert.equal(await found(first, 'another', 1000), [])

  second.network.withdraw('web')
  second.network.withdraw('web')
  for (const each of members) assert.equal(each.network.counters().dropped['dht-failed'], undefined)
  await Promise.all(members.map((each) => each.network.stop()))
})

dht('alone, there is an answer at once: our own or none', async () => {
  const alone = await member(1)
  assert.equal(await found(alone, 'web'), [])
  alone.network.provide('web')
  await findUntil(alone, 'web', [alone.id])
  alone.network.withdraw('web')
  await findUntil(alone, 'web', [])
  await alone.network.stop()
  assert.equal(await found(alone, 'web'), [])
})

dht('a signal that has fired already ends the search', async () => {
  const alone = await member(1)
  const members: string[] = []
  for await (const id of alone.network.findProviders('web', AbortSignal.abort())) members.push(id)
  assert.equal(members, [])
  await alone.network.stop()
})

dht('every member computes the same key, whatever its version', () => {
  assert.is(
    serviceKey('web').toString(),
    'bafkreig5wpxozpipqdlfo5otub3fzw3swhvwtcetexnmunjgbdvkc6aswy',
  )
  assert.is.not(serviceKey('api').toString(), serviceKey('web').toString())
})

dht.run()
