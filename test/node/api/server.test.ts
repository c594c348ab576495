import { duplexPair } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createApi } from '../../../node/api/server.ts'
import { RuntimeFailure } from '../../../node/runtime/runtime.ts'
import { limits } from '../../../protocol/limits.ts'
import { askOf, serve, startApi, until, webJob } from './fixture.ts'
import { MemoryBackend } from './memory-backend.ts'
import { MemoryCluster } from './memory-cluster.ts'

const server = suite('server')

server('does not listen beyond this machine without a token', async () => {
  const api = createApi(new MemoryBackend(new MemoryCluster(['n1']), 'n1'))
  for (const host of ['0.0.0.0', '::', '10.1.2.3']) {
    const failure = await api.listen(host, 0).then(String, String)
    assert.match(failure, /without a token/)
  }
  await api.close()
})

server('says when its address is taken', async () => {
  const [first, second] = [await startApi(), new MemoryBackend(new MemoryCluster(['n1']), 'n1')]
  const api = createApi(second)
  const port = Number(new URL(first.url).port)
  const failure = await api.listen('127.0.0.1', port).then(String, (error) => error.code)
  assert.is(failure, 'address-in-use')
  await Promise.all([api.close(), first.close()])
})

server('a runtime that cannot tell is a 503', async () => {
  const api = await startApi()
  await api.ask('POST', '/v1/jobs', webJob())
  api.backend.stats = () => Promise.reject(new RuntimeFailure('engine-gone', 'no engine', false))
  const { status, json } = await api.ask('GET', '/v1/allocations/web.0.00000000/stats')
  assert.equal([status, json.code, json.detail], [503, 'runtime-failed', 'no engine'])
  await api.close()
})

server('asks for the token where there is one', async () => {
  const api = await serve(new MemoryCluster(['n1']), 'n1', {}, 'secret')
  const statusWith = async (path: string, authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization }
    return (await api.ask('GET', path, undefined, headers)).status
  }
  assert.is(await statusWith('/v1/jobs'), 401)
  assert.is(await statusWith('/v1/jobs', 'Bearer wrong'), 401)
  assert.is(await statusWith('/v1/jobs', 'Bearer secret'), 200)
  assert.is(await statusWith('/nowhere'), 401)
  assert.is(await statusWith('/healthz'), 200)
  assert.is(await statusWith('/readyz'), 200)
  const refused = await api.ask('POST', '/v1/jobs', webJob())
  assert.is(refused.status, 401)
  assert.match(refused.headers.get('www-authenticate')!, /^Bearer/)
  assert.is(api.cluster.jobs.size, 0)
  await api.close()
})

server('our own failure is a 500 without a stack, and is reported', async () => {
  const api = await startApi()
  api.backend.request = () => Promise.reject(new TypeError('secret detail of the code'))
  const { status, json, text } = await api.ask('POST', '/v1/jobs', webJob())
  assert.equal([status, json.code], [500, 'internal'])
  assert.not.match(text, /secret detail/)
  assert.is(api.failures.length, 1)
  await api.close()
})

server('a failure while logs are sent is not the agent’s end', async () => {
  const api = await startApi()
  await api.ask('POST', '/v1/jobs', webJob())
  api.backend.logs = async function* () {
    yield Buffer.from('some')
    throw new Error('disk gone')
  }
  const broken = await api.ask('GET', '/v1/allocations/web.0.00000000/logs').then(
    () => 'whole',
    () => 'broken',
  )
  assert.is(broken, 'broken')
  assert.is((await api.ask('GET', '/healthz')).status, 200)
  await api.close()
})

server('many clients at once', async () => {
  const api = await startApi()
  const submissions = [...Array(200).keys()].map((i) =>
    api.ask('POST', '/v1/jobs', webJob({ id: `j${i}`, count: 0, services: [] })),
  )
  const answers = await Promise.all(submissions)
  assert.ok(answers.every(({ status }) => status === 201))
  assert.is(api.cluster.jobs.size, 200)
  await api.close()
})

server('streams from other agents are bounded', async () => {
  const api = await startApi()
  const pairs = [...Array(limits.peerStreams + 1)].map(() => duplexPair())
  for (const [, far] of pairs) api.api.acceptStream(far)
  await until(() => pairs.at(-1)![1].destroyed, 'the one too many is closed')
  assert.is(pairs.filter(([, far]) => far.destroyed).length, 1)
  for (const [near] of pairs) near.destroy()
  await until(() => pairs.every(([, far]) => far.destroyed), 'the others close with their peers')
  await api.close()
})

server('further routes are served and described', async () => {
  const api = await startApi(['n1'], {
    routes: [
      {
        method: 'GET',
        path: '/v2/info',
        summary: 'Another door',
        answers: { 200: { mediaType: 'application/json' } },
        handle: () => ({ name: 'door' }),
      },
    ],
  })
  assert.equal((await api.ask('GET', '/v2/info')).json, { name: 'door' })
  assert.ok((await api.ask('GET', '/openapi.json')).json.paths['/v2/info'])
  await api.close()
})

server('closes at once while someone follows logs', async () => {
  const api = await startApi()
  await api.ask('POST', '/v1/jobs', webJob())
  const path = '/v1/allocations/web.0.00000000/logs?follow=true'
  const following = askOf(api.url, 'GET', path).catch(() => 'ended')
  await until(() => api.cluster.written.listenerCount('web.0.00000000/server') === 1, 'it follows')
  await api.close()
  assert.is(await following, 'ended')
})

server.run()
