/** The golden conversations about records and slots: who asks whom for what, and what comes of it. */
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import { Agents } from './agents.ts'
import { runTranscript } from './transcript.ts'

const conversations = suite('conversations')

for (const kind of ['replication', 'placement']) {
  const folder = new URL(`../transcripts/${kind}/`, import.meta.url)
  for (const name of readdirSync(folder).sort())
    conversations(`${kind}: ${name.replace('.txt', '').replaceAll('-', ' ')}`, () => {
      const agents = new Agents()
      runTranscript(new URL(name, folder), (command) => {
        const answer = execute(agents, command)
        return [...agents.takeLog(), ...answer]
      })
    })
}

/** `start a b`, `submit a {"id":"web"}`, `partition a,b c`, `advance 3000`, `tasks`, `steward web`, … */
function execute(agents: Agents, command: string): string[] {
  const [verb = '', first = '', ...rest] = command.split(/\s+/)
  switch (verb) {
    case 'start':
      for (const member of [first, ...rest]) agents.start(member)
      return []
    case 'submit':
      agents.submit(first, JSON.parse(rest.join(' ')))
      return []
    case 'delete':
      agents.ask(first, { type: 'delete-job', job: rest[0]!, ifMatch: null, copies: null })
      return []
    case 'power-off':
      agents.powerOff(first)
      return []
    case 'partition':
      agents.partition(...[first, ...rest].map((side) => side.split(',')))
      return []
    case 'heal':
      agents.network.healAll()
      return []
    case 'advance':
      agents.advance(Number(first))
      return []
    case 'quietly':
      agents.advance(Number(first))
      agents.takeLog()
      return []
    case 'tasks':
      return [agents.tasks().join(', ') || 'none']
    case 'stewards':
      return agents.running().map((member) => `${member}: ${stewardAt(agents, member, first)}`)
    case 'digests':
      return [agents.areEqual() ? 'all hold the same' : 'they differ']
    default:
      throw new Error(`no command ${verb}`)
  }
}

function stewardAt(agents: Agents, member: string, job: string): string {
  return agents.core(member).view().why(job)?.steward ?? 'none'
}

conversations.run()
