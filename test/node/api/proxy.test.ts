/** What another node must answer comes from there, over a stream between the two. */
import http, { type IncomingMessage } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../../../node/api/proxy.ts'
import { type Running, serve, until, webJob } from './fixture.ts'
import { MemoryCluster, memberNamed } from './memory-cluster.ts'

const proxy = suite('proxy')
let cluster: MemoryCluster
let near: Running
let far: Running
/** Of the streams that were opened to the far node. */
let streams: Duplex[]

proxy.before.each(async () => {
  cluster = new MemoryCluster(['n1', 'n2', 'n3'])
  near = await serve(cluster, 'n1')
  far = await serve(cluster, 'n2', {}, 'secret')
  streams = []
  const open = cluster.doors.get(memberNamed('n2'))!
  cluster.doors.set(memberNamed('n2'), async () => {
    streams.push(await open())
    return streams.at(-1)!
  })
  await near.ask('POST', '/v1/jobs', webJob())
})

proxy.after.each(async () => {
  await Promise.all([near.close(), far.close()])
  assert.equal([...near.failures, ...far.failures], [])
})

async function allocationOn(node: string): Promise<string> {
  return (await near.ask('GET', `/v1/allocations?node=${node}`)).json.items[0].id
}

function open(path: string): Promise<{ answer: IncomingMessage; leave: () => void }> {
  return new Promise((resolve, reject) => {
    const request = http.get(near.url + path, { agent: false })
    request.on('error', reject)
    request.on('response', (answer) => {
      answer.on('error', () => {})
      resolve({ answer, leave: () => request.destroy() })
    })
  })
}

proxy('logs and figures of another node', async () => {
  const id = await allocationOn('n2')
  cluster.write({ allocation: id, task: 'server' }, 'hello from n2')
  const logs = await near.ask('GET', `/v1/allocations/${id}/logs?tail=1`)
  assert.equal([logs.status, logs.text], [200, 'hello from n2\n'])
  assert.match(logs.headers.get('content-type')!, /^text\/plain/)
  const stats = await near.ask('GET', `/v1/allocations/${id}/stats`)
  assert.equal([stats.status, stats.json.allocation], [200, id])
  assert.is(streams.length, 2)
  await until(() => streams.every((stream) => stream.destroyed), 'no stream stays open')
})

proxy('problems of the other node pass through', async () => {
  const id = await allocationOn('n2')
  const { status, json } = await near.ask('GET', `/v1/allocations/${id}/logs`)
  assert.equal([status, json.code], [404, 'not-found'])
  const wrong = await near.ask('GET', `/v1/allocations/${id}/logs?task=nope`)
  assert.equal([wrong.status, wrong.json.errors[0].path], [400, '?task'])
})

proxy('follows, and stops when the client leaves', async () => {
  const id = await allocationOn('n2')
  const { answer, leave } = await open(`/v1/allocations/${id}/logs?follow=true`)
  let text = ''
  answer.on('data', (chunk) => {
    text += chunk
  })
  for (const line of ['one', 'two']) {
    cluster.write({ allocation: id, task: 'server' }, line)
    await until(() => text.endsWith(`${line}\n`), `${line} came`)
  }
  const key = `${id}/server`
  assert.is(cluster.written.listenerCount(key), 1)
  leave()
  await until(() => cluster.written.listenerCount(key) === 0, 'the far node stopped to read')
  await until(() => streams[0]!.destroyed, 'the stream is closed')
})

proxy('does not read faster than its client', async () => {
  const id = await allocationOn('n2')
  const ref = { allocation: id, task: 'server' }
  const line = 'x'.repeat(65_536)
  let produced = 0
  far.backend.logs = async function* () {
    for (; produced < 2000; produced++) yield Buffer.from(`${line}\n`)
  }
  const { answer, leave } = await open(`/v1/allocations/${ref.allocation}/logs`)
  answer.pause()
  let before = -1
  await until(() => {
    const still = produced > 0 && produced === before
    before = produced
    return still
  }, 'the source stands still')
  assert.ok(produced < 500, `${produced} of 2000 lines were read ahead`)
  leave()
})

proxy('a stream that breaks breaks the answer', async () => {
  const id = await allocationOn('n2')
  const { answer } = await open(`/v1/allocations/${id}/logs?follow=true`)
  let closed = false
  answer.resume().on('close', () => {
    closed = true
  })
  streams[0]!.destroy()
  await until(() => closed, 'the client sees it')
  assert.not(answer.complete)
})

proxy('an agent that cannot be reached is a 502', async () => {
  const id = await allocationOn('n3')
  const { status, json } = await near.ask('GET', `/v1/allocations/${id}/logs`)
  assert.equal([status, json.code], [502, 'unreachable'])
  assert.match(json.detail, /node n3 cannot be reached: connection refused/)
})

proxy('a node that is down is not tried', async () => {
  const id = await allocationOn('n2')
  cluster.setState('n2', 'down')
  const { status, json } = await near.ask('GET', `/v1/allocations/${id}/stats`)
  assert.equal([status, json.code, streams.length], [502, 'unreachable', 0])
  assert.match(json.detail, /node n2 is down/)
})

proxy('what was passed on is not passed on again', async () => {
  const id = await allocationOn('n2')
  const headers = { 'x-starling-forwarded-by': memberNamed('n2') }
  const { status, json } = await near.ask('GET', `/v1/allocations/${id}/logs`, undefined, headers)
  assert.equal([status, json.code, streams.length], [502, 'unreachable', 0])
})

async function codeOfAsk(timeoutMs: number): Promise<string> {
  const signal = new AbortController().signal
  const asked = ask(near.backend, memberNamed('n2'), '/healthz', signal, timeoutMs)
  return asked.then(
    () => 'answered',
    (error) => error.code,
  )
}

proxy('an agent that does not answer is a 504', async () => {
  const [silent] = duplexPair()
  cluster.doors.set(memberNamed('n2'), async () => silent)
  assert.is(await codeOfAsk(50), 'timed-out')
  await until(() => silent.destroyed, 'the stream is closed')
})

proxy('an agent that does not let in is a 504, and its late stream is closed', async () => {
  const [late] = duplexPair()
  let letIn = () => {}
  const door = new Promise<Duplex>((resolve) => {
    letIn = () => resolve(late)
  })
  cluster.doors.set(memberNamed('n2'), () => door)
  assert.is(await codeOfAsk(50), 'timed-out')
  letIn()
  await until(() => late.destroyed, 'the late stream is closed')
})

proxy('a stream from another agent needs no token, a client does', async () => {
  assert.is((await far.ask('GET', '/v1/jobs')).status, 401)
  assert.is(await codeOfAsk(2000), 'answered')
})

proxy.run()
