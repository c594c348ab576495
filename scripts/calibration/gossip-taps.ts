/** Reads what the taps of all agents wrote, and joins it: for each message its path through the cluster. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { quantiles } from './quantile.ts'

interface Fact {
  readonly us: number
  readonly what: string
  readonly of: string
  readonly detail: string
}

interface Arrival {
  readonly member: string
  readonly from: string
  readonly us: number
}

interface Told {
  readonly author: string
  readonly us: number
  readonly bytes: number
  readonly copies: Arrival[]
  /** When each member had it delivered, and began to pass it on. */
  readonly delivered: Map<string, number>
}

export function readTaps(folder: string, window: { fromUs: number; toUs: number }) {
  const messages = new Map<string, Told>()
  const meshes: number[] = []
  const peers: number[] = []
  const control: { [kind: string]: number } = {}
  const taps = readdirSync(folder).filter((name) => name.endsWith('.tap'))
  const perMember = taps.map((name) => factsOf(join(folder, name)))
  const membersOf = perMember.map((facts) => facts.find(({ what }) => what === 'mesh')?.of ?? '')
  const within = ({ us }: Fact) => us >= window.fromUs && us <= window.toUs
  perMember.forEach((facts, i) => {
    const author = membersOf[i]!
    for (const { us, of, detail } of facts.filter(
      (fact) => fact.what === 'publish' && within(fact),
    ))
      messages.set(of, { author, us, bytes: Number(detail), copies: [], delivered: new Map() })
    for (const { what, of, detail } of facts.filter(within)) {
      if (what === 'control') control[of] = (control[of] ?? 0) + Number(detail)
      if (what !== 'mesh') continue
      const [mesh, all] = detail.split(' ').map(Number)
      meshes.push(mesh!)
      peers.push(all!)
    }
  })
  perMember.forEach((facts, i) => {
    const member = membersOf[i]!
    for (const { us, what, of, detail } of facts) {
      const told = messages.get(of)
      if (what === 'copy') told?.copies.push({ member, from: detail, us })
      if (what === 'deliver') told?.delivered.set(member, us)
    }
  })
  return { members: perMember.length, messages: [...messages.values()], meshes, peers, control }
}

function factsOf(file: string): Fact[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [us = '', what = '', of = '', detail = ''] = line.split('\t')
    return { us: Number(us), what, of, detail }
  })
}

export function summarise(taps: ReturnType<typeof readTaps>) {
  const { members, messages, meshes, peers, control } = taps
  const others = members - 1
  const latency: number[] = []
  const hops: number[] = []
  const authorHops: number[] = []
  const inner: number[] = []
  const depths = new Map<number, number>()
  let copies = 0
  for (const told of messages) {
    const first = firstCopies(told)
    for (const [member, us] of told.delivered) {
      latency.push(us - told.us)
      inner.push(us - (first.get(member)?.us ?? us))
    }
    for (const { from, us } of told.copies) {
      const passedOn = from === told.author ? told.us : told.delivered.get(from)
      if (passedOn === undefined) continue
      hops.push(us - passedOn)
      if (from === told.author) authorHops.push(us - passedOn)
    }
    for (const member of told.delivered.keys()) {
      const depth = depthOf(member, told.author, first)
      depths.set(depth, (depths.get(depth) ?? 0) + 1)
    }
    copies += told.copies.length
  }
  const expected = messages.length * others
  const mean = (all: readonly number[]) => round(all.reduce((sum, x) => sum + x, 0) / all.length)
  return {
    messages: messages.length,
    bytes: mean(messages.map(({ bytes }) => bytes)),
    reliability: latency.length / expected,
    copiesPerReceiver: round(copies / expected),
    duplicatesPerReceiver: round((copies - latency.length) / expected),
    latency: quantiles(latency),
    /** From a member's passing on to the next one's taking it up. */
    hop: quantiles(hops),
    /** Of those, from the author: what is received has mostly nothing of this message before it. */
    authorHop: quantiles(authorHops),
    /** From the first copy to its being delivered and passed on. */
    inner: quantiles(inner),
    depth: Object.fromEntries([...depths].sort(([a], [b]) => a - b)),
    mesh: { mean: mean(meshes), least: Math.min(...meshes), most: Math.max(...meshes) },
    peers: { mean: mean(peers) },
    control: Object.fromEntries(
      Object.entries(control).map(([kind, count]) => [kind, round(count / messages.length)]),
    ),
  }
}

function firstCopies({ copies }: Told): Map<string, Arrival> {
  const first = new Map<string, Arrival>()
  for (const copy of copies) {
    const held = first.get(copy.member)
    if (held === undefined || copy.us < held.us) first.set(copy.member, copy)
  }
  return first
}

function depthOf(member: string, author: string, first: Map<string, Arrival>): number {
  let depth = 0
  for (let at = member; at !== author && depth < first.size; depth++)
    at = first.get(at)?.from ?? author
  return depth
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
