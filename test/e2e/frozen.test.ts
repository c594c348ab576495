/**
 * An agent that is stopped in its tracks (SIGSTOP) keeps its sockets open and its tasks running: to the others it
 * is as dead as one whose machine burnt. When it goes on, it finds out, and what runs twice is resolved.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import {
  agree,
  type ClusterShape,
  isRunning,
  nodes,
  runningOf,
  settles,
  sleeper,
} from './shapes.ts'

const frozen = suite('e2e/frozen')
let cluster: LocalCluster

frozen.after(async () => {
  // Stopped as it is, it would not hear that it is to end.
  for (const { child } of cluster?.agents ?? []) child?.kill('SIGCONT')
  await cluster?.stop()
})

frozen('four agents make one cluster', async () => {
  cluster = await LocalCluster.start({ agents: 4, cpu: 2000, memory: 2048 })
  await until(() => agree(cluster.agents), 'each knows what the others have', 30_000)
})

frozen('it is down for all, replaced, and resolved once it goes on', async () => {
  const [victim, ...others] = cluster.agents.toReversed() as [LocalAgent, LocalAgent]
  const [first] = others
  const jobs = { spread: 8, grows: 4, goes: 4 }
  for (const [id, count] of Object.entries(jobs))
    await first.request('POST', '/v1/jobs', sleeper(id, count, { cpu: 50 }))
  await settles(cluster.agents, jobs, 20_000)
  const { self } = await victim.get<ClusterShape>('/v1/cluster')
  const mine = (await runningOf(first, 'spread')).filter(({ nodeId }) => nodeId === self)
  assert.ok(mine.length > 0)
  const seenBy = async (each: LocalAgent) => (await nodes(each)).find(({ id }) => id === self)!
  const before = (await seenBy(first)).incarnation

  victim.child!.kill('SIGSTOP')
  const isDown = async (each: LocalAgent) => (await seenBy(each)).state === 'down'
  for (const each of others) await until(() => isDown(each), `down, says ${each.name}`, 30_000)
  await first.request('POST', '/v1/jobs/grows/scale', { count: 6 })
  await others.at(-1)!.request('DELETE', '/v1/jobs/goes')
  for (const each of others)
    for (const [id, count] of [
      ['spread', 8],
      ['grows', 6],
    ] as const)
      await until(() => isRunning(each, id, count), `${count} of ${id}, says ${each.name}`, 15_000)
  for (const { nodeId } of await runningOf(first, 'spread')) assert.is.not(nodeId, self)
  // Only the agent is stopped: what it runs is there twice now.
  const still = victim.taskAllocations()
  assert.ok(mine.every(({ id }) => still.includes(id)))

  victim.child!.kill('SIGCONT')
  await settles(cluster.agents, { spread: 8, grows: 6 }, 20_000)
  for (const each of cluster.agents) {
    const { state, incarnation } = await seenBy(each)
    assert.is(state, 'alive')
    assert.ok(incarnation > before)
  }
})

frozen.run()
