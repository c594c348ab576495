/**
 * Gossip among real agents on this machine: jobs that fit nowhere are submitted at a calm pace, so that each
 * makes a broadcast and nothing else happens, and every copy of it is written down by the tap in each agent.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { LocalCluster, root } from '../cluster.ts'
import { readTaps, summarise } from './gossip-taps.ts'
import { machine } from './quantile.ts'

/** The mesh is looked after every 3 s; after five of those it has settled. */
const settleMs = 20_000
const paceMs = 400

export async function recordGossip(agents: number, messages: number) {
  const on = machine()
  const folders: { taps: string } = { taps: '' }
  const tap = `--import=file://${join(root, 'scripts/calibration/gossip-tap.ts')}`
  const cluster = new LocalCluster({
    agents,
    wrap: () => ['env', `NODE_OPTIONS=${tap}`, `STARLING_TAP=${folders.taps}`],
  })
  folders.taps = join(cluster.directory, 'taps')
  mkdirSync(folders.taps)
  try {
    for (let i = 0; i < agents; i++) {
      await cluster.add()
      await wait(agents > 20 ? 600 : 300)
    }
    await cluster.whole()
    await wait(settleMs)
    const fromUs = nowUs()
    for (let i = 0; i < messages; i++) {
      await submit(cluster, i)
      await wait(paceMs)
    }
    const toUs = nowUs()
    await wait(10_000)
    const taps = readTaps(folders.taps, { fromUs, toUs })
    return { machine: on, agents, paceMs, ...summarise(taps) }
  } finally {
    await cluster.stop()
  }
}

async function submit(cluster: LocalCluster, i: number): Promise<void> {
  const agent = cluster.agents[(i * 7) % cluster.agents.length]!
  const answer = await agent.request('POST', '/v1/jobs', {
    id: `calibration-${i}`,
    tasks: [{ name: 'main', process: { command: ['sleep', '60'] } }],
    constraints: [{ attribute: 'node.name', operator: '=', value: 'nowhere' }],
  })
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`)
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
