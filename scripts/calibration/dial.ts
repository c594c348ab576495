/**
 * What it takes to open a link: members of the agent's own network layer, linked through a proxy that delays every
 * byte. Without delay it is the work at both ends; how much longer it takes with it gives the round trips, but for
 * the one of TCP's own handshake, which the proxy answers at once.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { hostPort, member, until } from '../../test/node/network/members.ts'
import { machine, quantiles } from './quantile.ts'

const delaysMs = [0, 20, 50] as const
const dials = 20

export async function recordDial() {
  const on = machine()
  const took: number[][] = []
  for (const delayMs of delaysMs) took.push(await dialsThrough(delayMs))
  const medians = took.map((us) => quantiles(us).us[4]!)
  const roundTrips = delaysMs.map((ms, i) =>
    i === 0 ? 0 : 1 + (medians[i]! - medians[0]!) / (2 * ms * 1000),
  )
  return { machine: on, delaysMs, medians, roundTrips, work: quantiles(took[0]!) }
}

async function dialsThrough(delayMs: number): Promise<number[]> {
  const took: number[] = []
  const target = await member(1)
  const proxy = await delayingProxy(hostPort(target), delayMs)
  const { port } = proxy.address() as AddressInfo
  for (let i = 0; i < dials + 3; i++) {
    const dialler = await member(2 + i)
    dialler.book.set(target.id, [`/ip4/127.0.0.1/tcp/${port}`])
    const opened = new Promise<number>((resolve) => {
      const push = dialler.opened.push.bind(dialler.opened)
      dialler.opened.push = (...ids) => {
        resolve(performance.now())
        return push(...ids)
      }
    })
    const startedAt = performance.now()
    // As a message does it: a kept link may wait out of courtesy.
    dialler.network.send(target.id, new Uint8Array([1]))
    // The first ones warm up the code.
    const us = ((await opened) - startedAt) * 1000
    if (i >= 3) took.push(us)
    await until('the message', () => target.received.length === i + 1)
    await dialler.network.stop()
  }
  await target.network.stop()
  proxy.close()
  return took
}

async function delayingProxy(to: string, delayMs: number): Promise<Server> {
  const [host = '', port = ''] = to.split(':')
  const pipe = (from: Socket, into: Socket) => {
    from.setNoDelay(true)
    from.on('data', (bytes) => later(() => into.write(bytes)))
    from.on('end', () => later(() => into.end()))
    from.on('error', () => into.destroy())
  }
  const later = (run: () => void) => {
    if (delayMs === 0) run()
    else setTimeout(run, delayMs)
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    pipe(client, upstream)
    pipe(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
