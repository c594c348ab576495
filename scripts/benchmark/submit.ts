/**
 * Jobs accepted a second by one agent of three, one after the other and 64 at a time, each fsynced here and on
 * one other node (w = 2); beside them a bare loop of small writes and fsyncs on the same disk. Three, because
 * all of them and the client share the machine's cores, and each further agent takes its copy by gossip. The jobs fit
 * nowhere (a constraint that no node meets), so that their tasks do not compete with what is measured.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalCluster } from '../cluster.ts'
import { atLeast, type Figure, percentile } from './figure.ts'

export async function benchSubmit(jobs: number): Promise<Figure[]> {
  const fsync = fsyncLoop(300)
  const cluster = await LocalCluster.start({ agents: 3 })
  try {
    const api = cluster.agents[0]!.api
    await submitAll(api, 'warm', 200, 16)
    const one = await submitAll(api, 'one', jobs, 1)
    const many = await submitAll(api, 'many', jobs, 64)
    return [
      { name: 'bare write + fsync, same disk', value: fsync, unit: '/s' },
      {
        name: `${jobs} jobs one after the other`,
        value: one.perSecond,
        unit: '/s',
        note: one.note,
      },
      atLeast(1000, {
        name: `${jobs} jobs, 64 at a time`,
        value: many.perSecond,
        unit: '/s',
        note: many.note,
      }),
    ]
  } finally {
    await cluster.stop()
  }
}

function fsyncLoop(times: number): number {
  const directory = mkdtempSync(join(tmpdir(), 'starling-fsync-'))
  const file = openSync(join(directory, 'f'), 'a')
  const bytes = Buffer.alloc(512, 1)
  const startedAt = performance.now()
  for (let i = 0; i < times; i++) {
    writeSync(file, bytes)
    fsyncSync(file)
  }
  const perSecond = times / ((performance.now() - startedAt) / 1000)
  closeSync(file)
  rmSync(directory, { recursive: true })
  return perSecond
}

async function submitAll(api: string, prefix: string, jobs: number, atOnce: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const times: number[] = []
  let next = 0
  let copies = Number.POSITIVE_INFINITY
  const worker = async () => {
    for (let i = next++; i < jobs; i = next++) {
      const startedAt = performance.now()
      const answer = await post(agent, `${api}/v1/jobs`, body(`${prefix}-${i}`))
      times.push(performance.now() - startedAt)
      copies = Math.min(copies, answer.copies)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: atOnce }, worker))
  const perSecond = jobs / ((performance.now() - startedAt) / 1000)
  agent.destroy()
  const [p50, p99] = [percentile(times, 50), percentile(times, 99)]
  const note = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at least ${copies} copies`
  return { perSecond, note }
}

function body(id: string): string {
  return JSON.stringify({
    id,
    tasks: [{ name: 'main', process: { command: ['sleep', '60'] } }],
    constraints: [{ attribute: 'node.name', operator: '=', value: 'nowhere' }],
  })
}

function post(agent: Agent, url: string, text: string): Promise<{ copies: number }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        answer += chunk
      })
      response.on('end', () => {
        if (response.statusCode === 201) resolve(JSON.parse(answer))
        else reject(new Error(`${response.statusCode}: ${answer.slice(0, 300)}`))
      })
    })
    sent.on('error', reject)
    sent.end(text)
  })
}
