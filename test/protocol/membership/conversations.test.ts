/** The golden conversations of membership: who says what to whom, and when each one believes it. */
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import type { MemberId } from '../../../protocol/base/id.ts'
import { runTranscript } from '../transcript.ts'
import { Cluster } from './cluster.ts'

const conversations = suite('membership/conversations')
const folder = new URL('../../transcripts/membership/', import.meta.url)

for (const name of readdirSync(folder).sort())
  conversations(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const cluster = new Cluster()
    runTranscript(new URL(name, folder), (command) => {
      const answer = execute(cluster, command.split(/\s+/))
      return [...cluster.takeLog(), ...answer]
    })
  })

/** `start a b`, `cut a b`, `partition a,b c,d`, `delay a 2000`, `advance 3000`, `view`, … */
function execute(cluster: Cluster, [verb = '', ...words]: string[]): string[] {
  const first = words[0] ?? ''
  switch (verb) {
    case 'start':
      for (const member of words) cluster.start(member, { join: othersThan(cluster, member) })
      return []
    case 'restart': {
      const incarnation = Number(words[1])
      cluster.start(first, { join: othersThan(cluster, first), incarnation })
      return []
    }
    case 'kill':
      cluster.network.kill(first)
      return []
    case 'silence':
      cluster.network.silence(first)
      return []
    case 'cut':
      cluster.network.cut(first, words[1]!)
      return []
    case 'partition':
      partition(cluster, words)
      return []
    case 'heal':
      cluster.network.healAll()
      return []
    case 'leave':
      cluster.leave(first)
      return []
    case 'delay':
      cluster.delayLoop(first, Number(words[1]))
      return []
    case 'advance':
      cluster.advance(Number(first))
      return []
    case 'quietly': {
      cluster.advance(Number(first))
      cluster.takeLog()
      return []
    }
    case 'view':
      return cluster.running().map((member) => `${member}: ${cluster.view(member)}`)
    default:
      throw new Error(`no command ${verb}`)
  }
}

function othersThan(cluster: Cluster, member: MemberId): MemberId[] {
  return cluster.members.filter((other) => other !== member)
}

function partition(cluster: Cluster, sides: readonly string[]): void {
  const groups = sides.map((side) => side.split(','))
  for (const group of groups)
    for (const other of groups)
      if (group !== other) for (const a of group) for (const b of other) cluster.network.cut(a, b)
}

conversations.run()
