/**
 * Golden conversations: a file of blocks, each some commands, a line `----`, and what they printed. The run
 * is compared with the file; `REWRITE=1` writes the file anew, and the difference is for its reader to judge.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'

/** Performs one command and returns what changed by it. */
export type Execute = (command: string) => string[]

export function runTranscript(path: URL, execute: Execute): void {
  const golden = readFileSync(path, 'utf8')
  const found = `${golden
    .trim()
    .split(/\n\n+/)
    .map((block) => runBlock(block, execute))
    .join('\n\n')}\n`
  if (process.env.REWRITE === '1') writeFileSync(path, found)
  else assert.fixture(found, golden)
}

function runBlock(block: string, execute: Execute): string {
  const lines = block.split('\n')
  const end = lines.indexOf('----')
  const input = end < 0 ? lines : lines.slice(0, end)
  const commands = input.filter((line) => !line.startsWith('#'))
  if (commands.length === 0) return block
  const printed = commands.flatMap((command) => execute(command.trim()))
  return [...input, '----', ...(printed.length === 0 ? ['nothing'] : printed)].join('\n')
}
