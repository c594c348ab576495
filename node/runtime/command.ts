/**
 * From a command as its user wrote it to one that can be run. There is no shell in between, so the names of
 * the task's environment are filled in here, and a program that is not there is told before anything starts.
 */
import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { RuntimeFailure } from './runtime.ts'

type Environment = { readonly [name: string]: string }

/**
 * Fills in `$NAME` and `${NAME}` where the environment has that name, and leaves every other `$` alone, so
 * that a script given to `sh -c` keeps its own variables. `$$NAME` stays `$NAME`, unless NAME is unknown.
 */
export function substitute(argument: string, env: Environment): string {
  return argument.replace(
    /(\$?)\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g,
    (found: string, dollar: string, bare?: string, braced?: string) => {
      const name = bare ?? braced ?? ''
      if (!Object.hasOwn(env, name)) return found
      return dollar === '$' ? found.slice(1) : env[name]!
    },
  )
}

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Throws a RuntimeFailure that says what a person can do about it. */
export async function requireProgram(program: string, path: string, directory: string) {
  const places = program.includes('/')
    ? [resolve(directory, program)]
    : path.split(':').map((folder) => join(isAbsolute(folder) ? folder : directory, program))
  let found: string | undefined
  for (const place of places) {
    const kind = await stat(place).catch(() => undefined)
    if (!kind?.isFile()) continue
    if (await isExecutable(place)) return
    found ??= place
  }
  if (found !== undefined)
    throw new RuntimeFailure('not-executable', `${found} is not executable`, true)
  const where = program.includes('/') ? '' : ` in ${path}`
  throw new RuntimeFailure('command-missing', `there is no program ${program}${where}`, true)
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

export async function requireDirectory(directory: string): Promise<void> {
  const kind = await stat(directory).catch(() => undefined)
  if (!kind?.isDirectory())
    throw new RuntimeFailure('directory-missing', `there is no directory ${directory}`, true)
}

export interface User {
  readonly uid: number
  readonly gid: number
}

/** A name of /etc/passwd, a uid, or `uid:gid`. Undefined when it is who the agent is anyway. */
export async function requireUser(user: string): Promise<User | undefined> {
  const wanted = /^\d+:\d+$/.test(user)
    ? { uid: Number.parseInt(user, 10), gid: Number(user.split(':')[1]) }
    : findUser(await readFile('/etc/passwd', 'utf8').catch(() => ''), user)
  if (wanted === undefined)
    throw new RuntimeFailure('user-missing', `there is no user ${user} on this machine`, true)
  const own = process.getuid?.()
  if (wanted.uid === own) return undefined
  if (own !== 0)
    throw new RuntimeFailure('user-refused', `only an agent of root can run as ${user}`, true)
  return wanted
}

export function findUser(passwd: string, user: string): User | undefined {
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (uid !== undefined && (name === user || uid === user))
      return { uid: Number(uid), gid: Number(gid) }
  }
  return /^\d+$/.test(user) ? { uid: Number(user), gid: Number(user) } : undefined
}
