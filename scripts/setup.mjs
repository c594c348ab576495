/**
 * Sets up what is missing, before `npm start` and `npm test`: plain JavaScript, since the Node.js that the
 * machine has may be too old for the rest. The dependencies bring a Node 24 of their own where there is one
 * for the platform, and npm puts it first on the path of the scripts that come after this one.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const stamp = 'node_modules/.starling-lock'
const least = [22, 18]

function lockHash() {
  return createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash()
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function install() {
  process.stderr.write('setting up: installing the dependencies (once, about a minute)\n')
  // Not `npm ci`: it refuses a lock file that leaves out a platform's optional packages. No install scripts:
  // every native part comes prebuilt in its package.
  const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = spawnSync('npm', ['install', ...flags], { stdio: ['ignore', 2, 2] })
  if (npm.status !== 0) fail('npm could not install the dependencies: see above')
  writeFileSync(stamp, lockHash())
}

function checkNode() {
  const path = `${process.cwd()}/node_modules/.bin:${process.env.PATH}`
  const asked = spawnSync('node', ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  })
  const [major, minor] = (asked.stdout ?? '').replace('v', '').split('.').map(Number)
  if (major > least[0] || (major === least[0] && minor >= least[1])) return
  fail(
    `Starling needs Node.js ${least.join('.')} or newer; here is ${(asked.stdout ?? 'none').trim()}, ` +
      'and the dependencies bring none for this platform',
  )
}

/** The first agent would strip the types of every file itself, and hold what it needed for that, 20 MiB, for good. */
function fillCompileCache() {
  const path = `${process.cwd()}/node_modules/.bin:${process.env.PATH}`
  const cache = `${process.cwd()}/node_modules/.cache/compile`
  const load = "await import('./node/run-agent.ts')"
  spawnSync('node', ['--no-warnings', '--input-type=module', '--eval', load], {
    env: { NODE_COMPILE_CACHE: cache, ...process.env, PATH: path },
    stdio: 'ignore',
  })
}

const isNew = !isInstalled()
if (isNew) install()
checkNode()
if (isNew) fillCompileCache()
