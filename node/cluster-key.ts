/**
 * The cluster's key: 32 bytes that make a machine a member. Everything that must be secret or common to the
 * cluster follows from it: the network's own keys (node/network/cluster.ts), the cluster's short name, the
 * API's token. Each is derived under a label of its own, so none gives away another.
 *
 * The file is text: a line that says what it is, then the key in hexadecimal or base64url.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AgentError } from './errors.ts'
import { writeSecret } from './identity.ts'

const header = '# Starling cluster key. Whoever has it is a member: keep it secret.'
const keyBytes = 32

export function newClusterKey(): Uint8Array {
  return new Uint8Array(randomBytes(keyBytes))
}

export async function writeClusterKey(file: string, key: Uint8Array): Promise<void> {
  try {
    await writeSecret(file, formatClusterKey(key))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const detail = `the key cannot be written to ${file}: ${message}`
    throw new AgentError(code === 'ENOSPC' ? 'disk-full' : 'data-unusable', detail, error)
  }
}

export function formatClusterKey(key: Uint8Array): string {
  return `${header}\n${Buffer.from(key).toString('hex')}\n`
}

/** Undefined where there is no such file. */
export async function readClusterKey(file: string): Promise<Uint8Array | undefined> {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined
    const detail = `the key file ${file} cannot be read: ${error.message}`
    throw new AgentError('key-invalid', detail, error)
  })
  if (text === undefined) return undefined
  const key = parseClusterKey(text)
  if (key !== undefined) return key
  throw new AgentError(
    'key-invalid',
    `${file} holds no cluster key: 32 bytes as 64 hexadecimal digits are expected; \`starling init\` makes one`,
  )
}

export function parseClusterKey(text: string): Uint8Array | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const [key, ...others] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (key === undefined || others.length > 0) return undefined
  if (/^[0-9a-f]{64}$/i.test(key)) return new Uint8Array(Buffer.from(key, 'hex'))
  if (/^[A-Za-z0-9_-]{43}$/.test(key)) return new Uint8Array(Buffer.from(key, 'base64url'))
  return undefined
}

/** For people and protocol ids: two clusters with different keys have different names. */
export function clusterName(key: Uint8Array): string {
  return derive(key, 'starling/1/cluster', 6).toString('hex')
}

/** Asked for where the API listens on an address that others can reach. */
export function apiToken(key: Uint8Array): string {
  return derive(key, 'starling/1/api-token', 24).toString('base64url')
}

function derive(key: Uint8Array, label: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, new Uint8Array(), label, bytes))
}
