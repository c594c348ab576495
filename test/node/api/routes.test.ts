/** Every route answers, in the shape that the OpenAPI document gives it. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check } from '../../../protocol/base/schema.ts'
import { snapshotSchema } from '../../../protocol/snapshot.ts'
import { type Asked, type Running, startApi, webJob } from './fixture.ts'
import { memberNamed } from './memory-cluster.ts'

interface Document {
  openapi: string
  paths: { [path: string]: { [method: string]: Operation } }
  components: { schemas: { [name: string]: object } }
}

interface Operation {
  operationId: string
  parameters: { name: string; in: string }[]
  requestBody?: { required: boolean }
  responses: { [status: string]: { content: { [type: string]: { schema?: { $ref: string } } } } }
}

const routes = suite('routes')
let api: Running
let document: Document
let ajv: Ajv2020
const called = new Set<string>()

routes.before(async () => {
  api = await startApi()
  document = (await api.ask('GET', '/openapi.json')).json
  ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema({ $id: 'api', components: document.components })
})

routes.after(async () => {
  await api.close()
  assert.equal(api.failures, [])
})

/** Calls a route, and holds its answer against the document. */
async function call(
  method: string,
  path: string,
  options: { body?: unknown; headers?: HeadersInit; expect?: number } = {},
): Promise<Asked> {
  const { body, headers, expect = 200 } = options
  const answer = await api.ask(method, path, body, headers)
  assert.is(answer.status, expect, `${method} ${path}: ${answer.text}`)
  checkAnswer(method, path.replace(/\?.*/, ''), answer)
  return answer
}

function checkAnswer(method: string, path: string, answer: Asked): void {
  const [pattern, operation] = operationOf(method, path)
  called.add(`${method} ${pattern}`)
  const described = operation.responses[answer.status]
  assert.ok(described, `${method} ${pattern} does not describe ${answer.status}`)
  const type = answer.headers.get('content-type')!.replace(/;.*/, '')
  assert.ok(described.content[type], `${method} ${pattern} does not describe ${type}`)
  const schema = described.content[type]?.schema
  if (schema === undefined) return
  const isValid = ajv.validate({ $ref: `api${schema.$ref}` }, answer.json)
  assert.ok(isValid, `${method} ${path}: ${ajv.errorsText()}`)
}

function operationOf(method: string, path: string): [string, Operation] {
  for (const [pattern, item] of Object.entries(document.paths)) {
    const fits = new RegExp(`^${pattern.replace(/\{[a-z]+\}/g, '[^/]+')}$`).test(path)
    const operation = item[method.toLowerCase()]
    if (fits && operation) return [pattern, operation]
  }
  throw new Error(`${method} ${path} is not described`)
}

routes('POST /v1/jobs makes a job', async () => {
  const made = await call('POST', '/v1/jobs', { body: webJob(), expect: 201 })
  assert.equal(made.json, { id: 'web', version: '1-0000abcd', copies: 1 })
  assert.is(made.headers.get('location'), '/v1/jobs/web')
  assert.is(made.headers.get('etag'), '"1-0000abcd+3"')
  const again = await call('POST', '/v1/jobs', { body: webJob() })
  assert.equal(again.json, made.json)
})

routes('POST /v1/jobs reads YAML by every name of it', async () => {
  const types = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/yaml; charset=utf-8']
  for (const [i, type] of types.entries()) {
    const body = `id: y${i}\ntasks: [{name: t, process: {command: [x]}}]\n`
    await call('POST', '/v1/jobs', { body, headers: { 'content-type': type }, expect: 201 })
    await call('DELETE', `/v1/jobs/y${i}`)
  }
})

routes('POST /v1/jobs?w= asks for copies', async () => {
  const made = await call('POST', '/v1/jobs?w=3', { body: webJob({ id: 'w' }), expect: 201 })
  assert.is(made.json.copies, 3)
  await call('DELETE', '/v1/jobs/w')
})

routes('POST /v1/jobs?upsert=true replaces', async () => {
  await call('POST', '/v1/jobs', { body: webJob({ id: 'u' }), expect: 201 })
  const changed = { body: webJob({ id: 'u', priority: 60 }) }
  await call('POST', '/v1/jobs', { ...changed, expect: 409 })
  const replaced = await call('POST', '/v1/jobs?upsert=true', changed)
  assert.is(replaced.json.version, '2-0000abcd')
  await call('DELETE', '/v1/jobs/u')
})

routes('what a GET says of a job may be put back: a scale is not undone', async () => {
  await call('POST', '/v1/jobs', { body: webJob({ id: 'kept', count: 3 }), expect: 201 })
  await call('POST', '/v1/jobs/kept/scale', { body: { count: 5 } })
  const { count, spec } = (await call('GET', '/v1/jobs/kept')).json
  assert.equal([count, spec.count], [5, 5])
  await call('DELETE', '/v1/jobs/kept')
})

routes('the document says which bodies are needed, and the headers that count', () => {
  const operation = (method: string, path: string) => operationOf(method, path)[1]
  assert.is(operation('POST', '/v1/jobs').requestBody?.required, true)
  assert.is(operation('POST', '/v1/nodes/n1/drain').requestBody?.required, false)
  const headers = operation('PUT', '/v1/jobs/web').parameters.filter((each) => each.in === 'header')
  assert.equal(
    headers.map((each) => each.name),
    ['If-Match', 'If-None-Match'],
  )
})

routes('GET /v1/jobs lists, filters and pages', async () => {
  await call('POST', '/v1/jobs', { body: webJob({ id: 'a', type: 'batch' }), expect: 201 })
  const ids = async (query: string) =>
    (await call('GET', `/v1/jobs${query}`)).json.items.map((job: { id: string }) => job.id)
  assert.equal(await ids(''), ['a', 'web'])
  assert.equal(await ids('?type=batch'), ['a'])
  assert.equal(await ids('?state=pending'), [])
  assert.equal(await ids('?node=n1'), ['a', 'web'])
  const first = (await call('GET', '/v1/jobs?limit=1')).json
  assert.is(first.items.length, 1)
  const second = (await call('GET', `/v1/jobs?limit=1&cursor=${first.cursor}`)).json
  assert.is(second.items[0].id, 'web')
  assert.is(second.cursor, undefined)
  await call('DELETE', '/v1/jobs/a')
})

routes('GET /v1/jobs/:id has the version, and that of the count, as its ETag', async () => {
  const { json, headers } = await call('GET', '/v1/jobs/web')
  assert.is(headers.get('etag'), `"${json.version}+${json.count}"`)
  const { id, type, count, state, running, healthy, waiting } = json
  assert.equal(
    { id, type, count, state, running, healthy, waiting },
    { id: 'web', type: 'service', count: 3, state: 'running', running: 3, healthy: 3, waiting: 0 },
  )
  assert.is(json.spec.tasks[0].name, 'server')
})

routes('PUT /v1/jobs/:id replaces what is there, as it was seen', async () => {
  const version = (await call('GET', '/v1/jobs/web')).json.version
  const body = webJob({ priority: 70 })
  const headers = { 'if-match': `"${version}"` }
  const put = await call('PUT', '/v1/jobs/web', { body, headers })
  assert.not.equal(put.json.version, version)
  await call('PUT', '/v1/jobs/web', { body: webJob(), headers, expect: 409 })
  await call('PUT', '/v1/jobs/none', { body: webJob({ id: 'none' }), expect: 404 })
  const onlyNew = { 'if-none-match': '*' }
  await call('PUT', '/v1/jobs/none', { body: { tasks: [] }, headers: onlyNew, expect: 422 })
  const { id: _, ...withoutId } = webJob() as { id: string }
  await call('PUT', '/v1/jobs/new', { body: withoutId, headers: onlyNew, expect: 201 })
  await call('PUT', '/v1/jobs/new', {
    body: webJob({ id: 'new', count: 1 }),
    headers: onlyNew,
    expect: 409,
  })
  await call('DELETE', '/v1/jobs/new')
})

routes('POST /v1/jobs/:id/scale changes the count alone', async () => {
  const before = (await call('GET', '/v1/jobs/web')).json
  await call('POST', '/v1/jobs/web/scale', { body: { count: 5 } })
  const after = (await call('GET', '/v1/jobs/web')).json
  assert.is(after.count, 5)
  assert.is(after.version, before.version)
  await call('POST', '/v1/jobs/web/scale', { body: { count: 3 } })
})

routes('POST /v1/jobs/:id/plan changes nothing', async () => {
  const command = { tasks: [{ name: 'server', process: { command: ['other'] } }], services: [] }
  const plan = await call('POST', '/v1/jobs/web/plan', { body: webJob({ ...command, count: 4 }) })
  assert.is(plan.json.effect, 'change')
  assert.equal(plan.json.allocations, { added: 1, removed: 0, replaced: 3, kept: 0 })
  assert.is((await call('GET', '/v1/jobs/web')).json.count, 3)
})

routes('GET /v1/jobs/:id/allocations, /history, /why', async () => {
  const allocations = (await call('GET', '/v1/jobs/web/allocations?state=running')).json.items
  assert.equal(
    allocations.map((each: { slot: number; node: string }) => [each.slot, each.node]),
    [
      [0, 'n1'],
      [1, 'n2'],
      [2, 'n3'],
    ],
  )
  const history = (await call('GET', '/v1/jobs/web/history')).json.items
  assert.is(history[0].outcome, 'current')
  assert.is(history[0].node, 'n1')
  const why = (await call('GET', '/v1/jobs/web/why')).json
  assert.is(why.steward.node, 'n1')
  assert.is(why.slots[0].candidates[0].score, 12)
})

routes('history outlives its job', async () => {
  await call('POST', '/v1/jobs', { body: webJob({ id: 'gone' }), expect: 201 })
  await call('DELETE', '/v1/jobs/gone')
  assert.is((await call('GET', '/v1/jobs/gone/history')).json.items[0].deleted, true)
  assert.is((await call('GET', '/v1/jobs/gone/allocations')).json.items[0].state, 'complete')
})

routes('GET /v1/nodes, by id, name or a part of the id', async () => {
  const { items } = (await call('GET', '/v1/nodes')).json
  assert.is(items.length, 3)
  for (const name of ['n2', memberNamed('n2'), 'Testn2'])
    assert.is((await call('GET', `/v1/nodes/${name}`)).json.name, 'n2')
  assert.is((await call('GET', '/v1/nodes?state=down')).json.items.length, 0)
})

routes('POST /v1/nodes/:id/drain, and back', async () => {
  await call('POST', '/v1/nodes/n2/drain')
  assert.is((await call('GET', '/v1/nodes/n2')).json.draining, true)
  await call('POST', '/v1/nodes/n2/drain', { body: { draining: false } })
  assert.is((await call('GET', '/v1/nodes/n2')).json.draining, false)
})

routes('GET /v1/allocations, one, its figures and its logs', async () => {
  const { items } = (await call('GET', '/v1/allocations?job=web&node=n1&state=running')).json
  assert.is(items.length, 1)
  const { id } = items[0]
  assert.is((await call('GET', `/v1/allocations/${id}`)).json.ports.http, items[0].ports.http)
  const stats = (await call('GET', `/v1/allocations/${id}/stats`)).json
  assert.equal(stats, { allocation: id, tasks: [{ name: 'server', cpu: 12.5, memory: 34 }] })
  for (const line of ['one', 'two', 'three'])
    api.cluster.write({ allocation: id, task: 'server' }, line)
  const logs = async (query: string) =>
    (await call('GET', `/v1/allocations/${id}/logs${query}`)).text
  assert.is(await logs(''), 'one\ntwo\nthree\n')
  assert.is(await logs('?tail=1&task=server&stream=stdout'), 'three\n')
})

routes('POST /v1/allocations/:id/stop', async () => {
  const { items } = (await call('GET', '/v1/allocations?job=web&node=n3&state=running')).json
  await call('POST', `/v1/allocations/${items[0].id}/stop`)
  const stopped = (await call('GET', `/v1/allocations/${items[0].id}`)).json
  assert.is(stopped.state, 'complete')
})

routes('GET /v1/services and one', async () => {
  const { items } = (await call('GET', '/v1/services')).json
  assert.is(items[0].name, 'web')
  const { source, endpoints } = (await call('GET', '/v1/services/web')).json
  assert.is(source, 'replica')
  assert.is(endpoints[0].host, '127.0.0.1')
})

routes('GET /v1/cluster', async () => {
  const { members, digest, self, name } = (await call('GET', '/v1/cluster')).json
  assert.equal(members, { alive: 3, suspect: 0, down: 0, left: 0 })
  assert.is(digest, '0123456789abcdef')
  assert.equal([self, name], [memberNamed('n1'), 'n1'])
})

routes('GET /v1/snapshot holds all', async () => {
  const snapshot = (await call('GET', '/v1/snapshot')).json
  assert.equal(check(snapshotSchema, snapshot).ok && [], [])
  assert.is(snapshot.records[0].key, 'job/web/spec')
  assert.is(snapshot.nodes.length, 3)
  assert.is(snapshot.jobs[0].id, 'web')
  assert.is(snapshot.jobs[0].history.at(-1).field, 'spec')
  assert.ok(snapshot.allocations.length >= 3)
})

routes('GET /v1/events, /metrics, /healthz, /readyz, /openapi.json', async () => {
  assert.match((await call('GET', '/v1/events?follow=false&tail=1')).text, /^event: /m)
  assert.match((await call('GET', '/metrics')).text, /starling_jobs 1/)
  assert.equal((await call('GET', '/healthz')).json, { status: 'ok' })
  assert.equal((await call('GET', '/readyz')).json, { status: 'ok' })
  const troubles = ['the Docker engine does not answer']
  api.backend.currentTroubles = troubles
  assert.equal((await call('GET', '/readyz')).json, { status: 'degraded', troubles })
  api.backend.currentTroubles = []
  api.backend.isReady = false
  await call('GET', '/readyz', { expect: 503 })
  api.backend.isReady = true
  await call('GET', '/openapi.json')
})

routes('HEAD answers where GET does', async () => {
  const { status, text } = await api.ask('HEAD', '/v1/jobs/web')
  assert.equal([status, text], [200, ''])
})

routes('every route of the document was called here', () => {
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.equal([...called].sort(), described.sort())
})

routes('the document is whole', () => {
  assert.is(document.openapi, '3.1.0')
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item))
  const ids = operations.map(({ operationId }) => operationId)
  assert.is(new Set(ids).size, ids.length)
  for (const [path, item] of Object.entries(document.paths))
    for (const { parameters } of Object.values(item)) {
      const named = parameters.filter((each) => each.in === 'path').map((each) => `{${each.name}}`)
      assert.equal(path.match(/\{[a-z]+\}/g) ?? [], named)
    }
  const refs = JSON.stringify(document).match(/#\/components\/schemas\/[A-Za-z]+/g) ?? []
  for (const ref of new Set(refs))
    assert.ok(document.components.schemas[ref.split('/').at(-1)!], ref)
})

routes.run()
