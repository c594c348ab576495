import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostName, isForeign, isLoopback, isSameToken, refusal } from '../../../node/api/auth.ts'

const auth = suite('auth')

auth('knows the names of this machine', () => {
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.8.8.8', '::1'])
    assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.0.0.1.example.org', ''])
    assert.not(isLoopback(host), host)
})

auth('reads the name in a Host header', () => {
  assert.is(hostName('LocalHost:4600'), 'localhost')
  assert.is(hostName('127.0.0.1'), '127.0.0.1')
  assert.is(hostName('[::1]:4600'), '::1')
  assert.is(hostName('[::1]'), '::1')
})

auth('knows a page of another site', () => {
  const foreign: [origin: string | undefined, host: string, fetchSite?: string][] = [
    ['http://evil.example', '127.0.0.1:4600'],
    ['http://127.0.0.1:8080', '127.0.0.1:4600'],
    ['null', '127.0.0.1:4600'],
    [undefined, '127.0.0.1:4600', 'cross-site'],
    [undefined, '127.0.0.1:4600', 'same-site'],
  ]
  for (const [origin, host, fetchSite] of foreign) assert.ok(isForeign(origin, host, fetchSite))
  assert.not(isForeign(undefined, '127.0.0.1:4600', undefined))
  assert.not(isForeign('http://localhost:4600', 'localhost:4600', 'same-origin'))
})

interface Case {
  host: string
  token?: string
  method?: string
  open?: boolean
  headers: { [name: string]: string }
  expected: number
}

const local = { host: '127.0.0.1:4600' }
const bearer = { ...local, authorization: 'Bearer secret' }
const cases: Case[] = [
  { host: '127.0.0.1', headers: local, expected: 200 },
  { host: '127.0.0.1', headers: {}, expected: 200 },
  { host: '127.0.0.1', headers: { host: 'rebound.example' }, expected: 403 },
  { host: '127.0.0.1', headers: { ...local, origin: 'http://evil.example' }, expected: 200 },
  {
    host: '127.0.0.1',
    method: 'POST',
    headers: { ...local, origin: 'http://evil.example' },
    expected: 403,
  },
  { host: '127.0.0.1', token: 'secret', headers: local, expected: 401 },
  { host: '127.0.0.1', token: 'secret', open: true, headers: local, expected: 200 },
  { host: '127.0.0.1', token: 'secret', headers: bearer, expected: 200 },
  { host: '0.0.0.0', token: 'secret', headers: { host: 'n1.example' }, expected: 401 },
  { host: '0.0.0.0', token: 'secret', headers: { ...bearer, host: 'n1.example' }, expected: 200 },
  { host: '0.0.0.0', token: 'other', headers: bearer, expected: 401 },
  {
    host: '0.0.0.0',
    token: 'secret',
    headers: { ...local, authorization: 'Basic secret' },
    expected: 401,
  },
]

auth('opens and keeps shut', () => {
  for (const { host, token, method = 'GET', open = false, headers, expected } of cases) {
    const found = refusal({ method, headers }, { token, host }, open)
    assert.is(found?.status ?? 200, expected, JSON.stringify({ host, token, method, headers }))
  }
})

auth('compares tokens of any length', () => {
  assert.ok(isSameToken('a', 'a'))
  assert.not(isSameToken('a', 'aa'))
  assert.not(isSameToken('', 'a'))
})

auth.run()
