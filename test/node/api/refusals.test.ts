/** What is wrong is refused with a problem that says what and where, and changes nothing. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeApi } from '../../../node/api/openapi.ts'
import { problems } from '../../../node/api/problem.ts'
import type { ProblemCode } from '../../../protocol/request.ts'
import { type Running, startApi, webJob } from './fixture.ts'

const refusals = suite('refusals')
let api: Running

refusals.before(async () => {
  api = await startApi()
  await api.ask('POST', '/v1/jobs', webJob())
})

refusals.after(async () => {
  await api.close()
  assert.equal(api.failures, [])
})

interface Case {
  name: string
  method?: string
  path?: string
  body?: unknown
  headers?: { [name: string]: string }
  status: number
  code: string
  field?: string
  detail?: RegExp
}

const yaml = { 'content-type': 'application/yaml' }
const task = { name: 't', process: { command: ['x'] } }

const cases: Case[] = [
  {
    name: 'an unknown field',
    body: webJob({ id: 'x', colour: 'red' }),
    status: 422,
    code: 'invalid',
    field: 'colour',
  },
  {
    name: 'a negative count',
    body: webJob({ id: 'x', count: -1 }),
    status: 422,
    code: 'invalid',
    field: 'count',
  },
  {
    name: 'a deep field',
    body: { id: 'x', tasks: [task, { ...task, name: 'u', resources: { cpu: -5 } }] },
    status: 422,
    code: 'invalid',
    field: 'tasks[1].resources.cpu',
  },
  {
    name: 'a duplicate task name',
    body: { id: 'x', tasks: [task, task] },
    status: 422,
    code: 'invalid',
    field: 'tasks',
  },
  { name: 'no object', body: '[]', status: 422, code: 'invalid', field: '' },
  {
    name: 'a job that exists',
    body: webJob({ count: 9 }),
    status: 409,
    code: 'exists',
    detail: /web/,
  },
  { name: 'malformed JSON', body: '{"id": }', status: 400, code: 'malformed', detail: /column 8/ },
  {
    name: 'a key twice',
    body: '{"id": "x", "id": "y"}',
    status: 400,
    code: 'malformed',
    detail: /"id" is given twice/,
  },
  {
    name: 'malformed YAML',
    body: 'id: x\ntasks: [',
    headers: yaml,
    status: 400,
    code: 'malformed',
    detail: /line 2/,
  },
  {
    name: 'two documents',
    body: 'id: x\n---\nid: y\n',
    headers: yaml,
    status: 400,
    code: 'malformed',
    detail: /several YAML documents/,
  },
  { name: 'an empty body', body: ' ', status: 400, code: 'malformed', detail: /empty/ },
  {
    name: 'a wrong content type',
    body: 'id=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported-media-type',
    detail: /application\/yaml/,
  },
  {
    name: 'a content encoding',
    body: '{}',
    headers: { 'content-encoding': 'gzip' },
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    name: 'a body of 10 MB',
    body: JSON.stringify({ id: 'x', filler: 'x'.repeat(10_000_000) }),
    status: 413,
    code: 'too-large',
  },
  {
    name: 'YAML over its bound',
    body: `id: x\nfiller: ${'x'.repeat(200_000)}`,
    headers: yaml,
    status: 413,
    code: 'too-large',
    detail: /as JSON/,
  },
  {
    name: 'an unknown parameter of a write',
    path: '/v1/jobs?wait=1',
    body: webJob(),
    status: 400,
    code: 'bad-parameter',
    field: '?wait',
  },
  {
    name: 'too few copies to ask for',
    path: '/v1/jobs?w=0',
    body: webJob(),
    status: 400,
    code: 'bad-parameter',
    field: '?w',
  },
  {
    name: 'a parameter twice',
    path: '/v1/jobs?w=1&w=2',
    body: webJob(),
    status: 400,
    code: 'bad-parameter',
    field: '?w',
  },
  {
    name: 'a wrong cursor',
    method: 'GET',
    path: '/v1/jobs?cursor=zzz',
    status: 400,
    code: 'bad-parameter',
    field: '?cursor',
  },
  {
    name: 'another id than the path',
    method: 'PUT',
    path: '/v1/jobs/web',
    body: webJob({ id: 'other' }),
    status: 422,
    code: 'invalid',
    field: 'id',
  },
  {
    name: 'a version that is not there any more',
    method: 'PUT',
    path: '/v1/jobs/web',
    body: webJob({ count: 9 }),
    headers: { 'if-match': '"0-dead"' },
    status: 409,
    code: 'version-mismatch',
  },
  {
    name: 'If-Match with several versions',
    method: 'DELETE',
    path: '/v1/jobs/web',
    headers: { 'if-match': '"a", "b"' },
    status: 400,
    code: 'bad-parameter',
    field: 'If-Match',
  },
  {
    name: 'If-None-Match with a version',
    method: 'PUT',
    path: '/v1/jobs/web',
    body: webJob(),
    headers: { 'if-none-match': '"a"' },
    status: 400,
    code: 'bad-parameter',
    field: 'If-None-Match',
  },
  {
    name: 'a delete of an older version',
    method: 'DELETE',
    path: '/v1/jobs/web',
    headers: { 'if-match': '0-dead' },
    status: 409,
    code: 'version-mismatch',
  },
  {
    name: 'a negative scale',
    path: '/v1/jobs/web/scale',
    body: { count: -1 },
    status: 422,
    code: 'invalid',
    field: 'count',
  },
  {
    name: 'a scale of more than the count',
    path: '/v1/jobs/web/scale',
    body: { count: 1, cpu: 2 },
    status: 422,
    code: 'invalid',
    field: 'cpu',
  },
  {
    name: 'a drain of another kind',
    path: '/v1/nodes/n1/drain',
    body: { draining: 'yes' },
    status: 422,
    code: 'invalid',
    field: 'draining',
  },
  {
    name: 'a plan that is not valid',
    path: '/v1/jobs/web/plan',
    body: webJob({ count: -1 }),
    status: 422,
    code: 'invalid',
    field: 'count',
  },
  {
    name: 'a part of an id that several nodes have',
    method: 'GET',
    path: '/v1/nodes/12D3',
    status: 400,
    code: 'ambiguous',
  },
  { name: 'an unknown route', method: 'GET', path: '/v2', status: 404, code: 'not-found' },
  {
    name: 'a method that is not there',
    method: 'PATCH',
    path: '/v1/jobs/web',
    status: 405,
    code: 'method-not-allowed',
  },
  {
    name: 'a browser on another site',
    body: webJob({ id: 'x' }),
    headers: { origin: 'http://evil.example' },
    status: 403,
    code: 'cross-site',
  },
  ...['', '/allocations', '/history', '/why'].map((end) => ({
    name: `an unknown job's ${end}`,
    method: 'GET',
    path: `/v1/jobs/nope${end}`,
    status: 404,
    code: 'not-found',
  })),
  ...['', '/logs', '/stats'].map((end) => ({
    name: `an unknown allocation's ${end}`,
    method: 'GET',
    path: `/v1/allocations/nope${end}`,
    status: 404,
    code: 'not-found',
  })),
  ...[
    ['DELETE', '/v1/jobs/nope'],
    ['POST', '/v1/jobs/nope/scale', { count: 1 }],
    ['POST', '/v1/allocations/nope/stop'],
    ['POST', '/v1/nodes/nope/drain'],
    ['GET', '/v1/nodes/nope'],
    ['GET', '/v1/services/nope'],
  ].map(([method, path, body]) => ({
    name: `${method} ${path}`,
    method: method as string,
    path: path as string,
    body,
    status: 404,
    code: 'not-found',
  })),
]

function state(): string {
  const { jobs, allocations, nodes } = api.cluster
  return JSON.stringify([[...jobs], [...allocations], nodes])
}

for (const each of cases)
  refusals(each.name, async () => {
    const before = state()
    const { method = 'POST', path = '/v1/jobs', body, headers } = each
    const answer = await api.ask(method, path, body, headers)
    assert.is(answer.status, each.status, answer.text)
    assert.match(answer.headers.get('content-type')!, /^application\/problem\+json/)
    const { type, title, status, detail, instance, code, errors } = answer.json
    assert.equal([code, status], [each.code, each.status])
    assert.is(type, `urn:starling:problem:${code}`)
    assert.is(instance, path.replace(/\?.*/, ''))
    assert.ok(title.length > 0 && detail.length > 0)
    assert.not.match(answer.text, /\.ts:|node_modules/)
    if (each.detail) assert.match(detail, each.detail)
    if (each.field !== undefined)
      assert.ok(
        errors.some((error: { path: string }) => error.path === each.field),
        answer.text,
      )
    assert.is(state(), before, 'nothing changed')
  })

refusals('405 says what is allowed', async () => {
  const { headers } = await api.ask('PATCH', '/v1/jobs/web')
  assert.is(headers.get('allow'), 'PUT, DELETE, GET')
})

const refusedByCore: [code: ProblemCode, status: number, retryAfter: string | null][] = [
  ['too-few-copies', 503, null],
  ['storage-failed', 507, null],
  ['overloaded', 503, '1'],
  ['leaving', 503, '5'],
]

refusals('what the core refuses', async () => {
  for (const [code, status, retryAfter] of refusedByCore) {
    api.cluster.failing = { code, detail: 'so it is', copies: 1 }
    const answer = await api.ask('POST', '/v1/jobs', webJob({ id: 'x' }))
    assert.equal([answer.status, answer.json.code, answer.json.copies], [status, code, 1])
    assert.is(answer.headers.get('retry-after'), retryAfter)
  }
  api.cluster.failing = undefined
})

refusals('logs that are not kept are a 404, an unknown task a 400', async () => {
  const [first] = (await api.ask('GET', '/v1/jobs/web/allocations')).json.items
  const logs = await api.ask('GET', `/v1/allocations/${first.id}/logs`)
  assert.equal([logs.status, logs.json.code], [404, 'not-found'])
  const task = await api.ask('GET', `/v1/allocations/${first.id}/logs?task=nope`)
  assert.equal([task.status, task.json.errors[0].path], [400, '?task'])
})

async function raw(sent: string): Promise<string> {
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.write(sent)
  return text(socket)
}

refusals('what is not HTTP is told so', async () => {
  assert.match(await raw('hello\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*"code":"malformed"/)
  const long = `GET /v1/jobs HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`
  assert.match(await raw(long), /^HTTP\/1.1 400 [\s\S]*headers are too large/)
  assert.match(
    await raw('GET /v1/jobs/%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1.1 400 [\s\S]*"code":"malformed"/,
  )
})

refusals('a rebound name is refused', async () => {
  const answer = await raw(
    'GET /v1/jobs HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1.1 403 [\s\S]*"code":"cross-site"/)
})

refusals('every problem is in the document', () => {
  const document = describeApi([], '1')
  assert.ok(JSON.stringify(document).includes('"Problem"'))
  for (const { status, title } of Object.values(problems)) assert.ok(status >= 400 && title !== '')
})

refusals.run()
