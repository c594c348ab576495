/**
 * Who may ask. Three doors:
 * - On loopback everyone on this machine may, but not a web page that a browser on it shows: a foreign Host is
 *   DNS rebinding, a foreign Origin on a write is a cross-site request.
 * - On any other address a bearer token is asked for, which no browser sends by itself.
 * - A stream from another agent was authenticated by the cluster's own network, and asked for by a client
 *   that the other agent let in.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { RequestProblem } from './problem.ts'

export interface Gate {
  /** Undefined: no token is asked for. */
  readonly token: string | undefined
  /** The name or address that the server was told to listen on. */
  readonly host: string
}

/** `open`: the route asks for no token. */
export function refusal(
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  gate: Gate,
  open: boolean,
): RequestProblem | undefined {
  const { headers, method } = request
  if (isLoopback(gate.host) && !isOwnName(headers.host, gate.host))
    return new RequestProblem('cross-site', `the Host header names another site: ${headers.host}`)
  if (!isRead(method) && isForeign(headers.origin, headers.host, headers['sec-fetch-site']))
    return new RequestProblem(
      'cross-site',
      `not from a page of ${headers.origin ?? 'another site'}`,
    )
  if (gate.token === undefined || open || holdsToken(headers.authorization, gate.token))
    return undefined
  return new RequestProblem(
    'unauthorized',
    'send "Authorization: Bearer <token>"; `starling token` prints the token on a node',
    { headers: { 'www-authenticate': 'Bearer realm="starling"' } },
  )
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD'
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === '::ffff:127.0.0.1'
}

/** The name in a Host header: without the port and the brackets of an IPv6 address. */
export function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\](?::[0-9]*)?$/.exec(header)
  return (bracketed?.[1] ?? header.replace(/:[0-9]*$/, '')).toLowerCase()
}

/** HTTP/1.0 clients send no Host; browsers always do. */
function isOwnName(header: string | undefined, bound: string): boolean {
  if (header === undefined) return true
  const name = hostName(header)
  return isLoopback(name) || name === bound.toLowerCase()
}

/** Same origin: the page came from the very host and port that it now asks. */
export function isForeign(
  origin: string | undefined,
  host: string | undefined,
  fetchSite: string | string[] | undefined,
): boolean {
  if (fetchSite === 'cross-site' || fetchSite === 'same-site') return true
  if (origin === undefined) return false
  if (!URL.canParse(origin)) return true
  return new URL(origin).host !== host?.toLowerCase()
}

function holdsToken(authorization: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? []
  return given !== undefined && isSameToken(given, token)
}

/** Hashed first: the comparison takes the same time whatever the lengths and the first difference. */
export function isSameToken(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
