import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  apiToken,
  clusterName,
  formatClusterKey,
  newClusterKey,
  parseClusterKey,
  readClusterKey,
  writeClusterKey,
} from '../../node/cluster-key.ts'
import { AgentError } from '../../node/errors.ts'
import { loadIdentity, publicKeyOf } from '../../node/identity.ts'

const identities = suite('identity')

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'starling-identity-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AgentError) return error.code
    throw error
  }
  return 'none'
}

const text = (value: string) => new TextEncoder().encode(value)

identities('a node is the same after a restart, and its key is its own', () =>
  inFolder(async (folder) => {
    const first = await loadIdentity(folder)
    const second = await loadIdentity(folder)
    assert.is(first.self, second.self)
    assert.is(first.self, peerIdFromPrivateKey(first.privateKey).toString())
    assert.is(statSync(join(folder, 'identity.key')).mode & 0o777, 0o600)
  }),
)

identities('a key that is none is not replaced', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'identity.key'), 'nonsense')
    assert.is(await codeOf(loadIdentity(folder)), 'identity-invalid')
  }),
)

identities('a signature holds for its author and bytes alone', () =>
  inFolder(async (folder) => {
    const a = await loadIdentity(join(folder, 'a'))
    const b = await loadIdentity(join(folder, 'b'))
    const signature = a.seal.sign(text('hello'))
    assert.equal(a.seal.sign(text('hello')), signature)
    assert.ok(b.seal.verify(a.self, text('hello'), signature))
    assert.not(b.seal.verify(a.self, text('hallo'), signature))
    assert.not(b.seal.verify(b.self, text('hello'), signature))
    const bent = Uint8Array.from(signature, (byte, i) => (i === 5 ? byte ^ 1 : byte))
    assert.not(b.seal.verify(a.self, text('hello'), bent))
    assert.not(b.seal.verify(a.self, text('hello'), signature.slice(1)))
  }),
)

identities('what is no member has no key, and is not fatal', async () => {
  const rsa = await generateKeyPair('secp256k1')
  const ed25519 = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  assert.ok(publicKeyOf(ed25519.toString()))
  // The same key in another spelling would be another member.
  const cid = ed25519.toCID().toString()
  const wrong = ['', 'x', '12D3KooW', cid, peerIdFromPrivateKey(rsa).toString(), '\u0000'.repeat(9)]
  for (const each of wrong) assert.is(publicKeyOf(each), undefined, each)
})

identities('a cluster key is written and read, in two notations', () =>
  inFolder(async (folder) => {
    const key = newClusterKey()
    const file = join(folder, 'cluster.key')
    await writeClusterKey(file, key)
    assert.equal(await readClusterKey(file), key)
    assert.is(statSync(file).mode & 0o777, 0o600)
    assert.is(await readClusterKey(join(folder, 'none')), undefined)
    writeFileSync(file, 'short')
    assert.is(await codeOf(readClusterKey(file)), 'key-invalid')
    assert.equal(parseClusterKey(Buffer.from(key).toString('base64url')), key)
    assert.equal(parseClusterKey(`\r\n${formatClusterKey(key).toUpperCase()}\r\n`), key)
  }),
)

identities('a key that cannot be read or written says which file, and why', () =>
  inFolder(async (folder) => {
    const said = (promise: Promise<unknown>) =>
      promise.then(
        () => 'none',
        (error: AgentError) => `${error.code}: ${error.message}`,
      )
    const read = await said(readClusterKey(folder))
    assert.ok(read.startsWith(`key-invalid: the key file ${folder} cannot be read: EISDIR`), read)
    writeFileSync(join(folder, 'file'), '')
    const file = join(folder, 'file/cluster.key')
    const written = await said(writeClusterKey(file, newClusterKey()))
    assert.ok(written.startsWith(`data-unusable: the key cannot be written to ${file}: `), written)
  }),
)

for (const [what, content] of [
  ['nothing', ''],
  ['only the header', '# Starling cluster key\n'],
  ['63 digits', 'a'.repeat(63)],
  ['two keys', `${'a'.repeat(64)}\n${'b'.repeat(64)}`],
  ['no digits', 'g'.repeat(64)],
] as const)
  identities(`no cluster key: ${what}`, () => {
    assert.is(parseClusterKey(content), undefined)
  })

identities('name and token follow from the key, each in its own way', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i)
  assert.is(clusterName(key), clusterName(key.slice()))
  assert.is(clusterName(key), 'b789835927a4')
  assert.match(apiToken(key), /^[A-Za-z0-9_-]{32}$/)
  assert.is.not(apiToken(key), apiToken(newClusterKey()))
})

identities.run()
