/**
 * Who this node is: an Ed25519 key in the data folder, made at the first start. Its public half is the libp2p
 * PeerId, which is the member's id. The same key signs the node's records and broadcasts.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import type { MemberId } from '../protocol/base/id.ts'
import type { Seal } from '../protocol/base/seal.ts'
import { limits } from '../protocol/limits.ts'
import { AgentError } from './errors.ts'
import { makeFolder } from './folder.ts'

export interface Identity {
  readonly self: MemberId
  readonly privateKey: Ed25519PrivateKey
  readonly seal: Seal
}

export async function loadIdentity(folder: string): Promise<Identity> {
  const file = join(folder, 'identity.key')
  const encoded = await readFile(file).catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw new AgentError('data-unusable', `${file} cannot be read: ${error.message}`, error)
  })
  const privateKey = encoded === undefined ? await makeKey(file) : readKey(file, encoded)
  return identityOf(privateKey)
}

export function identityOf(privateKey: Ed25519PrivateKey): Identity {
  const self = peerIdFromPrivateKey(privateKey).toString()
  return { self, privateKey, seal: createSeal(self, privateKey) }
}

/** Written whole or not at all: half a key would be a new identity that nobody can use. */
async function makeKey(file: string): Promise<Ed25519PrivateKey> {
  const privateKey = await generateKeyPair('Ed25519')
  await writeSecret(file, privateKeyToProtobuf(privateKey))
  return privateKey
}

export async function writeSecret(file: string, content: Uint8Array | string): Promise<void> {
  await makeFolder(dirname(file))
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
}

function readKey(file: string, encoded: Uint8Array): Ed25519PrivateKey {
  try {
    const key = privateKeyFromProtobuf(encoded)
    if (key.type === 'Ed25519') return key
  } catch {
    // Said below.
  }
  throw new AgentError(
    'identity-invalid',
    `${file} holds no Ed25519 key; remove it to give this node a new identity`,
  )
}

export function createSeal(self: MemberId, privateKey: Ed25519PrivateKey): Seal {
  const secret = createPrivateKey({ key: privateJwk(privateKey), format: 'jwk' })
  const keys = new PublicKeys()
  keys.keep(self, publicKeyOf(self))
  return {
    sign: (bytes) => new Uint8Array(sign(null, bytes, secret)),
    verify(author, bytes, signature) {
      const key = keys.get(author)
      return key !== undefined && signature.length === 64 && verify(null, bytes, key, signature)
    },
  }
}

/** Decoding a key costs as much as a verification, so keys are kept; ids that hold none are too. */
class PublicKeys {
  readonly #keys = new Map<MemberId, KeyObject | undefined>()

  get(member: MemberId): KeyObject | undefined {
    if (!this.#keys.has(member)) this.keep(member, publicKeyOf(member))
    return this.#keys.get(member)
  }

  keep(member: MemberId, key: KeyObject | undefined): void {
    const [oldest] = this.#keys.keys()
    if (this.#keys.size >= limits.publicKeys && oldest !== undefined) this.#keys.delete(oldest)
    this.#keys.set(member, key)
  }
}

/** An Ed25519 PeerId is its public key. Undefined for another kind, and for another spelling of the id. */
export function publicKeyOf(member: MemberId): KeyObject | undefined {
  try {
    const id = peerIdFromString(member)
    if (id.type !== 'Ed25519' || id.toString() !== member) return undefined
    return createPublicKey({ key: publicJwk(id.publicKey.raw), format: 'jwk' })
  } catch {
    return undefined
  }
}

function publicJwk(raw: Uint8Array) {
  return { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }
}

/** libp2p keeps the seed and the public key behind each other. */
function privateJwk({ raw, publicKey }: Ed25519PrivateKey) {
  const d = Buffer.from(raw.subarray(0, 32)).toString('base64url')
  return { ...publicJwk(publicKey.raw), d }
}
