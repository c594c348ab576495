/** `scripts/calibrate`: records real agents on this machine into test/sim/recorded/. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordDht } from './calibration/dht.ts'
import { recordDial } from './calibration/dial.ts'
import { recordGossip } from './calibration/gossip.ts'
import { recordMachine } from './calibration/machine.ts'
import { root } from './cluster.ts'

const usage = `usage: scripts/calibrate WHAT… [--agents N] [--messages N]
WHAT: gossip, machine (disk, processes, containers), dial, dht. The machine should have nothing else to do.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: 'string', default: '20' },
    messages: { type: 'string', default: '100' },
  },
})
const agents = Number(values.agents)
const recordings: { readonly [what: string]: () => Promise<[file: string, recording: object]> } = {
  gossip: async () => [`gossip-${agents}`, await recordGossip(agents, Number(values.messages))],
  machine: async () => ['machine', await recordMachine()],
  dht: async () => [`dht-${agents}`, await recordDht(agents)],
  dial: async () => ['dial', await recordDial()],
}

const unknown = positionals.filter((name) => recordings[name] === undefined)
if (unknown.length > 0 || positionals.length === 0) {
  process.stderr.write(usage)
  process.exit(2)
}
const folder = join(root, 'test/sim/recorded')
mkdirSync(folder, { recursive: true })
for (const what of positionals) {
  const [name, recording] = await recordings[what]!()
  const file = join(folder, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(recording, null, 2)}\n`)
  process.stdout.write(`${JSON.stringify(recording, null, 2)}\nwritten to ${file}\n`)
}
