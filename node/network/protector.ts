/**
 * Keeps those who do not know the cluster key away from everything that comes after: noise, protocol
 * negotiation, gossip. Each side sends a nonce, then a proof that it knows the key, and from there on all
 * bytes are encrypted under keys that follow from the cluster key and both nonces. Who answers for whom is
 * noise's affair, inside.
 *
 * Instead of @libp2p/pnet, whose cipher was tried and given up: it has 64 MiB for all connections ever, and
 * once that memory grows (one write of 640 kB, or some thousand connections by any stranger) every
 * connection makes it grow again until all of them fail. It also cannot tell a wrong key from an unfinished
 * sentence, and then waits for the rest of it.
 */
import {
  type Cipheriv,
  createCipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import type {
  AbortOptions,
  ConnectionProtector,
  MessageStream,
  MultiaddrConnection,
} from '@libp2p/interface'
import { AbstractMultiaddrConnection, byteStream, type SendResult } from '@libp2p/utils'

/** The first byte. Whoever speaks something else, plain libp2p for one, is found out by it. */
const version = 1
const nonceBytes = 32
const proofBytes = 32
/** What may arrive in one piece with the proof: the first words of noise. */
const earlyBytes = 64 * 1024

export function protector(key: Uint8Array): () => ConnectionProtector {
  return () => ({
    protect: (connection, options) => protect(key, connection as MultiaddrConnection, options),
  })
}

async function protect(
  key: Uint8Array,
  connection: MultiaddrConnection,
  options: AbortOptions = {},
): Promise<MessageStream> {
  const bytes = byteStream(connection, { maxBufferSize: earlyBytes })
  const ourNonce = randomBytes(nonceBytes)
  await bytes.write(Buffer.concat([Uint8Array.of(version), ourNonce]), options)
  const first = (await bytes.read({ bytes: 1, ...options })).subarray()[0]
  if (first !== version) throw new Error('not a member of any cluster')
  const theirNonce = (await bytes.read({ bytes: nonceBytes, ...options })).subarray()
  const [ours, theirs] =
    connection.direction === 'outbound'
      ? handshake(key, ourNonce, theirNonce)
      : handshake(key, theirNonce, ourNonce).reverse()
  await bytes.write(ours!.proof, options)
  const proof = (await bytes.read({ bytes: proofBytes, ...options })).subarray()
  if (!timingSafeEqual(proof, theirs!.proof)) throw new Error('another cluster key')
  return new ProtectedConnection(bytes.unwrap(), ours!.key, theirs!.key)
}

/** The proofs and the keys of the dialler and of the listener. */
function handshake(key: Uint8Array, diallerNonce: Uint8Array, listenerNonce: Uint8Array) {
  const derive = (label: string) =>
    createHmac('sha256', key).update(diallerNonce).update(listenerNonce).update(label).digest()
  return ['dialler', 'listener'].map((side) => ({
    proof: derive(`${side} proof`),
    key: derive(`${side} key`),
  }))
}

/** The keys are for one direction of one connection, so the counter may start at nothing. */
function cipher(key: Uint8Array): Cipheriv {
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
}

class ProtectedConnection extends AbstractMultiaddrConnection {
  readonly #connection: MultiaddrConnection
  readonly #encrypt: Cipheriv
  readonly #decrypt: Cipheriv

  constructor(connection: MultiaddrConnection, ourKey: Uint8Array, theirKey: Uint8Array) {
    const { log, direction, remoteAddr } = connection
    super({ log, direction, remoteAddr })
    this.#connection = connection
    this.#encrypt = cipher(ourKey)
    this.#decrypt = cipher(theirKey)
    connection.addEventListener('message', ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) {
        this.onData(this.#decrypt.update(chunk))
      }
    })
    connection.addEventListener('drain', () => this.onMuxerDrain())
    connection.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  override sendData(data: { subarray(): Uint8Array; byteLength: number }): SendResult {
    const sentBytes = data.byteLength
    const canSendMore = this.#connection.send(this.#encrypt.update(data.subarray()))
    return { sentBytes, canSendMore }
  }

  override sendReset(error: Error): void {
    this.#connection.abort(error)
  }

  override sendPause(): void {
    this.#connection.pause()
  }

  override sendResume(): void {
    this.#connection.resume()
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options)
  }
}
