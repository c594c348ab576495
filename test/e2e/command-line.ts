/** The real command line against a real agent, as its user meets it. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type LocalAgent, root, until } from '../../scripts/cluster.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Words are split at spaces; `input` is standard input. */
export function starling(agent: LocalAgent, words: string, input = ''): Promise<Ended> {
  return run('node/main.ts', words, { STARLING_API: agent.api }, input)
}

/** `sim` and `replay`, which need no agent. */
export function simulated(words: string): Promise<Ended> {
  return run('sim/main.ts', words, {})
}

async function run(entry: string, words: string, given: object, input = ''): Promise<Ended> {
  const cache = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile') }
  const command = ['--no-warnings', join(root, entry), ...words.split(' ')]
  const child = spawn(process.execPath, command, {
    env: { PATH: process.env.PATH, ...cache, ...given },
  })
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await ended, out, err }
}

/** What it prints; a failure says what it said. */
export async function said(agent: LocalAgent, words: string, input = ''): Promise<string> {
  const { code, out, err } = await starling(agent, words, input)
  if (code !== 0) throw new Error(`starling ${words} ended with ${code}: ${err}`)
  return out
}

/** What it prints once that matches: another agent may hear of what one has seen a moment later. */
export async function says(agent: LocalAgent, words: string, awaited: RegExp): Promise<void> {
  let last = ''
  const matches = async () => {
    const { out, err } = await starling(agent, words)
    last = out + err
    return awaited.test(last)
  }
  try {
    await until(matches, `${words} says ${awaited}`, saysWithinMs)
  } catch (error) {
    throw new Error(`${(error as Error).message}; it says: ${last}`)
  }
}

const saysWithinMs = 60_000
