/** A member whose process is killed: the others know at once, and link again when it is back. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostPort, member, type TestMember, until } from './members.ts'

const kill = suite('network/kill')

interface Child {
  process: ChildProcess
  id: string
  hostPort: string
}

async function start(seed: number, listen: string, join?: string): Promise<Child> {
  const script = fileURLToPath(new URL('./member-process.ts', import.meta.url))
  const args = [`${seed}`, listen, ...(join === undefined ? [] : [join])]
  const process = fork(script, args)
  const told = await new Promise<{ id: string; hostPort: string }>((resolve, reject) => {
    process.once('message', (message) => resolve(message as { id: string; hostPort: string }))
    process.once('exit', () => reject(new Error('the member did not start')))
  })
  return { process, ...told }
}

kill(
  'a killed process is reported closed well before a probe would tell, and dialled again',
  async () => {
    const survivor: TestMember = await member(1)
    const first = await start(2, '127.0.0.1:0', hostPort(survivor))
    const [host, port] = first.hostPort.split(':')
    survivor.book.set(first.id, [`/ip4/${host}/tcp/${port}`])
    survivor.network.keepLinks([first.id])
    await until('linked', () => survivor.network.isLinked(first.id))

    first.process.kill('SIGKILL')
    await until('reported', () => survivor.closed.length === 1, 1000)
    assert.equal(survivor.closed, [first.id])

    const second = await start(2, first.hostPort)
    assert.is(second.id, first.id)
    await until('linked again', () => survivor.network.isLinked(first.id))
    assert.equal(survivor.opened, [first.id, first.id])

    const exited = new Promise((resolve) => second.process.once('exit', resolve))
    second.process.kill('SIGKILL')
    await exited
    await survivor.network.stop()
  },
)

kill.run()
