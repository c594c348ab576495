/**
 * A transport whose failed handshakes are counted. libp2p only logs them: the listener closes the socket
 * and tells nobody. All of them pass through the upgrader that the transport is handed, so that is where
 * they are seen.
 */
import {
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type MultiaddrConnection,
  type Transport,
  transportSymbol,
  type Upgrader,
  type UpgraderOptions,
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Counters, DropReason } from './counters.ts'

export function watched<Components>(
  create: (components: Components) => Transport,
  counters: Counters,
): (components: Components) => Transport {
  return (components) => new WatchedTransport(create(components), counters)
}

class WatchedTransport implements Transport {
  readonly [transportSymbol] = true as const
  readonly [Symbol.toStringTag] = 'starling/watched-transport'
  readonly #transport: Transport
  readonly #counters: Counters

  constructor(transport: Transport, counters: Counters) {
    this.#transport = transport
    this.#counters = counters
  }

  dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const upgrader = watchedUpgrader(options.upgrader, this.#counters)
    return this.#transport.dial(address, { ...options, upgrader })
  }

  createListener(options: CreateListenerOptions): Listener {
    const upgrader = watchedUpgrader(options.upgrader, this.#counters)
    return this.#transport.createListener({ ...options, upgrader })
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#transport.listenFilter(addresses)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#transport.dialFilter(addresses)
  }
}

function watchedUpgrader(upgrader: Upgrader, counters: Counters): Upgrader {
  const count = (error: unknown): never => {
    const reason = reasonOf(error)
    if (reason !== undefined) counters.drop(reason)
    throw error
  }
  return {
    upgradeInbound: (connection: MultiaddrConnection, options: UpgraderOptions) =>
      upgrader.upgradeInbound(connection, options).catch(count),
    upgradeOutbound: (connection: MultiaddrConnection, options: UpgraderOptions) =>
      upgrader.upgradeOutbound(connection, options).catch(count),
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
  }
}

/** Our own stop is not a refusal, and neither is a join address that turns out to be ourselves. */
function reasonOf(error: unknown): DropReason | undefined {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' }
  if (name === 'ConnectionDeniedError') return 'connection-limit'
  if (name === 'AbortError' || message === 'Can not dial self') return undefined
  return 'handshake-refused'
}
