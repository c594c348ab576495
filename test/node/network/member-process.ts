/** A member in a process of its own, to be killed. Arguments: seed, HOST:PORT to listen on, to join. */
import { hostPort, member } from './members.ts'

const [seed, listen, join] = process.argv.slice(2)
const [host, port] = (listen ?? '').split(':')
const self = await member(Number(seed), {
  listen: { host: host!, port: Number(port) },
  join: join === undefined ? [] : [join],
})
process.send?.({ id: self.id, hostPort: hostPort(self) })
