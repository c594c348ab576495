/** `scripts/calibrate`: records real agents on this machine into test/sim/recorded/. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { recordDht } from './calibration/dht.ts'
import { recordDial } from './calibration/dial.ts'
import { recordGossip } from './calibration/gossip.ts'
import { recordMachine } from './calibration/machine.ts'
import { root } from './cluster.ts'
import { commandLine, wholeNumber, wrongUsage } from './command-line.ts'

const usage = `usage: scripts/calibrate WHAT… [--agents N] [--messages N]
WHAT: gossip, machine (disk, processes, containers), dial, dht. The machine should have nothing else to do.
`

const { values, positionals } = commandLine(usage, {
  allowPositionals: true,
  options: {
    agents: { type: 'string', default: '20' },
    messages: { type: 'string', default: '100' },
  },
})
const agents = wholeNumber(usage, 'agents', values.agents, 2, 100)
const messages = wholeNumber(usage, 'messages', values.messages, 1, 10_000)
const recordings: { readonly [what: string]: () => Promise<[file: string, recording: object]> } = {
  gossip: async () => [`gossip-${agents}`, await recordGossip(agents, messages)],
  machine: async () => ['machine', await recordMachine()],
  dht: async () => [`dht-${agents}`, await recordDht(agents)],
  dial: async () => ['dial', await recordDial()],
}

const unknown = positionals.filter((name) => recordings[name] === undefined)
if (positionals.length === 0) wrongUsage(usage, 'say what to record')
if (unknown.length > 0) wrongUsage(usage, `there is no recording of ${unknown.join(', ')}`)
const folder = join(root, 'test/sim/recorded')
mkdirSync(folder, { recursive: true })
for (const what of positionals) {
  const [name, recording] = await recordings[what]!()
  const file = join(folder, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(recording, null, 2)}\n`)
  process.stdout.write(`${JSON.stringify(recording, null, 2)}\nwritten to ${file}\n`)
}
