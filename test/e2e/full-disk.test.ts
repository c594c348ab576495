/**
 * An agent whose disk is full: it says so, refuses what it could not keep, goes on with all the rest, and is itself
 * again when there is room. Its data folder is a small memory disk, which needs root.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LocalAgent, LocalCluster, until } from '../../scripts/cluster.ts'
import {
  agree,
  type ClusterShape,
  isProcess,
  isRunning,
  pidsOf,
  runningOf,
  settles,
  sleeper,
} from './shapes.ts'

const disk = suite('e2e/full-disk')
let cluster: LocalCluster
let folder: string
/** What there should be, job by job. */
const wanted: { [job: string]: number } = {}

function mountSmall(): string | undefined {
  if (process.platform !== 'linux') return 'a small disk needs Linux'
  if (process.getuid?.() !== 0) return 'a small disk needs root'
  cluster = new LocalCluster({ agents: 3, cpu: 2000, memory: 2048 })
  folder = join(cluster.directory, 'n1')
  mkdirSync(folder)
  const { status, stderr, error } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder],
    { encoding: 'utf8' },
  )
  if (status === 0) return undefined
  rmSync(cluster.directory, { recursive: true })
  return `no memory disk can be mounted: ${(error?.message ?? stderr).trim()}`
}

const unmount = () => spawnSync('umount', ['-l', folder])

const reason = mountSmall()
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`)
  disk.skip('needs a small disk', () => {})
} else process.once('exit', unmount)

function full(name: string, body: () => Promise<void>): void {
  if (reason === undefined) disk(name, body)
}

disk.after(async () => {
  if (reason !== undefined) return
  for (const agent of cluster.agents) {
    await agent.terminate()
    agent.killTasks()
  }
  unmount()
  await cluster.stop()
})

const small = () => cluster.agents[0]!
const other = () => cluster.agents[1]!

async function submit(to: LocalAgent, id: string, count: number, query = ''): Promise<Response> {
  const answer = await to.request('POST', `/v1/jobs${query}`, sleeper(id, count, { cpu: 50 }))
  if (answer.ok) wanted[id] = count
  return answer
}

const storageFailed = async () => (await small().get<ClusterShape>('/v1/cluster')).storageFailed

async function isRefused(answer: Response): Promise<void> {
  assert.is(answer.status, 507)
  assert.match(answer.headers.get('content-type') ?? '', 'application/problem+json')
  const { code, detail } = (await answer.json()) as { code: string; detail: string }
  assert.is(code, 'storage-failed')
  assert.match(detail, 'disk')
}

/** To the last byte. */
function fill(): void {
  const file = openSync(join(folder, 'ballast'), 'a')
  for (let size = 1024 * 1024; size >= 1; size /= 2)
    try {
      for (;;) if (writeSync(file, Buffer.alloc(size, 1)) < size) break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  closeSync(file)
}

full('three agents, one of them on a small disk', async () => {
  for (let i = 0; i < 3; i++) await cluster.add()
  await cluster.whole()
  await until(() => agree(cluster.agents), 'each knows what the others have', 30_000)
})

full('what cannot be kept is refused, everything else goes on', async () => {
  await submit(other(), 'steady', 6)
  await submit(other(), 'ends', 6)
  await settles(cluster.agents, wanted, 20_000)
  const mine = (await runningOf(other(), 'steady')).filter(({ node }) => node === 'n1')
  assert.ok(mine.length > 0)
  fill()
  // The last page of the journal has some room still: for jobs of which nothing is to be started there.
  let tries = 0
  await until(
    async () => (await submit(small(), `last-${tries++}`, 0)).status === 507,
    'writes are refused',
    20_000,
  )
  assert.ok(await storageFailed())
  await isRefused(await submit(small(), 'refused', 1))
  await isRefused(await small().request('POST', '/v1/jobs/steady/scale', { count: 1 }))
  await isRefused(await small().request('DELETE', '/v1/jobs/steady'))
  assert.is((await small().request('GET', '/v1/jobs/refused')).status, 404)
  const metrics = await (await small().request('GET', '/metrics')).text()
  assert.match(metrics, /^starling_storage_failed 1$/m)
  assert.ok(pidsOf(mine).every(isProcess))
})

full('the others take jobs, leave it out, and are obeyed by it', async () => {
  const answer = await submit(other(), 'elsewhere', 4)
  assert.is(answer.status, 201)
  assert.is(((await answer.json()) as { copies: number }).copies, 2)
  const few = await other().request('POST', '/v1/jobs?w=3', sleeper('few', 1, { cpu: 50 }))
  assert.is(few.status, 503)
  assert.is(((await few.json()) as { code: string }).code, 'too-few-copies')
  wanted.few = 1
  await until(() => isRunning(other(), 'elsewhere', 4), 'it runs', 20_000)
  for (const { node } of await runningOf(other(), 'elsewhere')) assert.is.not(node, 'n1')
  assert.is((await other().request('DELETE', '/v1/jobs/ends')).status, 200)
  delete wanted.ends
  await settles(cluster.agents, wanted, 20_000)
  assert.ok(await storageFailed())
})

full('it is itself again when there is room, and has lost nothing', async () => {
  rmSync(join(folder, 'ballast'))
  await until(async () => !(await storageFailed()), 'it recovers by itself', 15_000)
  assert.is((await submit(small(), 'after', 3)).status, 201)
  await settles(cluster.agents, wanted, 20_000)
  await small().kill()
  small().start()
  await cluster.whole()
  await settles(cluster.agents, wanted, 30_000)
})

disk.run()
