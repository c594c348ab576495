/**
 * Inside a network namespace: hands on what comes to a listening socket from outside, which its parent gives it, to
 * a port of the loopback here. A socket stays in the namespace that it was made in, whoever listens to it.
 */
import { connect, type Server, type Socket } from 'node:net'

const port = Number(process.argv[2])

function couple(outside: Socket): void {
  const inside = connect(port, '127.0.0.1')
  for (const [from, to] of [
    [outside, inside],
    [inside, outside],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

process.once('message', (_message, server: Server) => server.on('connection', couple))
process.once('disconnect', () => process.exit())
