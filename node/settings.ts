/**
 * How this agent is set up. Each setting has one name: as a flag, as `STARLING_<NAME>`, and in the settings file
 * (YAML); the first that is given counts, in this order. What is wrong is told by the name of where it was
 * written.
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { type Config, defaultConfig } from '../protocol/config.ts'
import { AgentError } from './errors.ts'
import { type HostPort, parseHostPort } from './network/address.ts'

export interface Settings {
  /** Everything that the agent keeps. */
  readonly data: string
  readonly api: HostPort
  readonly listen: HostPort
  /** The host that others reach this node at; undefined: found from `listen`. */
  readonly advertise: string | undefined
  readonly join: readonly string[]
  /** Undefined: `cluster.key` in the data folder, made when this node joins nobody. */
  readonly key: string | undefined
  readonly name: string
  readonly runtime: 'auto' | 'docker' | 'process'
  /** Millicores and MiB that it offers; undefined: what the machine has. */
  readonly cpu: number | undefined
  readonly memory: number | undefined
  readonly labels: { readonly [key: string]: string }
  /** First and last of the ports that tasks are given; undefined: the runtime's own. */
  readonly ports: readonly [number, number] | undefined
  readonly log: 'auto' | 'pretty' | 'json'
  readonly logLevel: LogLevel
  /** What becomes of the tasks when the agent is told to stop. */
  readonly onStop: 'stop' | 'keep'
  /** Flight record of the whole life. */
  readonly record: string | undefined
  /** Of the settings file only: knobs of the protocol. */
  readonly protocol: Config
}

const logLevels = ['error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof logLevels)[number]

interface Setting {
  readonly value: string
  readonly help: string
  readonly fallback: string
}

/** In the order of `starling agent --help`. */
export const settingTable = {
  data: { value: 'DIR', help: 'where the agent keeps everything', fallback: '~/.starling' },
  api: { value: 'HOST:PORT', help: 'address of the HTTP API', fallback: '127.0.0.1:4600' },
  listen: {
    value: 'HOST:PORT',
    help: 'address for other agents; 0.0.0.0:4601 for several machines',
    fallback: '127.0.0.1:4601',
  },
  advertise: {
    value: 'HOST',
    help: 'host that others reach this node at',
    fallback: 'found from --listen',
  },
  join: { value: 'HOST:PORT,…', help: 'any agents of the cluster', fallback: 'none' },
  key: { value: 'FILE', help: "the cluster's key", fallback: 'cluster.key in the data folder' },
  name: { value: 'NAME', help: "the node's name", fallback: "the machine's host name" },
  runtime: { value: 'auto|docker|process', help: 'what runs tasks', fallback: 'auto' },
  cpu: { value: 'MILLICORES', help: 'CPU to offer', fallback: 'all of the machine' },
  memory: { value: 'MIB', help: 'memory to offer', fallback: 'all but 512 MiB' },
  labels: { value: 'K=V,…', help: 'labels for constraints', fallback: 'none' },
  ports: { value: 'FIRST-LAST', help: 'host ports to give to tasks', fallback: '20000-29999' },
  log: { value: 'auto|pretty|json', help: 'how to log', fallback: 'pretty on a terminal' },
  'log-level': { value: logLevels.join('|'), help: 'how much to log', fallback: 'info' },
  'on-stop': { value: 'stop|keep', help: 'tasks when the agent stops', fallback: 'stop' },
  record: { value: 'FILE', help: 'write a flight record from the start', fallback: 'none' },
} satisfies { [name: string]: Setting }

export type SettingName = keyof typeof settingTable
const names = Object.keys(settingTable) as SettingName[]

interface Given {
  readonly text: string
  /** `--cpu`, `STARLING_CPU` or `cpu in starling.yaml`. */
  readonly from: string
}

/** By the names of `settingTable`, and `config`. */
export type Flags = { readonly [name: string]: string | undefined }
type Environment = { readonly [name: string]: string | undefined }
type SettingsFile = { readonly [name: string]: unknown }

/** Throws an AgentError `setting-invalid` that names what is wrong. */
export function readSettings(flags: Flags, env: Environment): Settings {
  const fileName = flags.config ?? env.STARLING_CONFIG
  const file = fileName === undefined ? {} : readFile(fileName)
  return settle((name) => find(name, flags, env, file, fileName ?? ''), file.protocol)
}

function readFile(file: string): SettingsFile {
  if (!existsSync(file)) throw invalid(`there is no settings file ${file}`)
  const content = parseYaml(file)
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw invalid(`${file}: settings are expected, one \`name: value\` a line`)
  const unknown = Object.keys(content).find(
    (key) => key !== 'protocol' && !names.includes(key as SettingName),
  )
  if (unknown !== undefined) throw invalid(`${file}: there is no setting ${unknown}`)
  return content as SettingsFile
}

function parseYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8')) ?? {}
  } catch (error) {
    // Below its first line the parser draws where it is.
    const [what] = (error as Error).message.split('\n')
    throw invalid(`${file}: ${what!.replace(/:$/, '')}`)
  }
}

function find(
  name: SettingName,
  flags: Flags,
  env: Environment,
  file: SettingsFile,
  fileName: string,
): Given | undefined {
  const flag = flags[name]
  if (flag !== undefined) return { text: flag, from: `--${name}` }
  const variable = variableOf(name)
  const text = env[variable] ?? ''
  if (text !== '' && !isOfClients(name, text)) return { text, from: variable }
  const value = file[name]
  if (value === undefined || value === null) return undefined
  return { text: textOf(value), from: `${name} in ${fileName}` }
}

export function variableOf(name: string): string {
  return `STARLING_${name.toUpperCase().replaceAll('-', '_')}`
}

/** For the commands that talk to an agent, STARLING_API is a URL. */
function isOfClients(name: SettingName, text: string): boolean {
  return name === 'api' && /^https?:/.test(text)
}

/** In a file, lists and maps may be written as such. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, each]) => `${key}=${textOf(each)}`)
    .join(',')
}

function settle(given: (name: SettingName) => Given | undefined, protocol: unknown): Settings {
  const text = (name: SettingName) => given(name)?.text
  return {
    data: resolve(text('data') ?? join(homedir(), '.starling')),
    api: address(given('api'), { host: '127.0.0.1', port: 4600 }),
    listen: address(given('listen'), { host: '127.0.0.1', port: 4601 }),
    advertise: text('advertise'),
    join: joinAddresses(given('join')),
    key: text('key'),
    name: nodeName(given('name')),
    runtime: oneOf(given('runtime'), ['auto', 'docker', 'process'], 'auto'),
    cpu: amount(given('cpu'), 1_000_000),
    memory: amount(given('memory'), 16_777_216),
    labels: labels(given('labels')),
    ports: portRange(given('ports')),
    log: oneOf(given('log'), ['auto', 'pretty', 'json'], 'auto'),
    logLevel: oneOf(given('log-level'), logLevels, 'info'),
    onStop: oneOf(given('on-stop'), ['stop', 'keep'], 'stop'),
    record: text('record'),
    protocol: protocolConfig(protocol),
  }
}

function address(given: Given | undefined, fallback: HostPort): HostPort {
  if (given === undefined) return fallback
  const parsed = parseHostPort(given.text)
  if (parsed === undefined) throw invalid(`${given.from}: HOST:PORT is expected, not ${given.text}`)
  return parsed
}

function joinAddresses(given: Given | undefined): string[] {
  const addresses = listOf(given)
  const wrong = addresses.find((each) => !each.startsWith('/') && parseHostPort(each) === undefined)
  if (wrong !== undefined) throw invalid(`${given!.from}: HOST:PORT is expected, not ${wrong}`)
  return addresses
}

function nodeName(given: Given | undefined): string {
  if (given === undefined) return hostname()
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,62})$/.test(given.text)) return given.text
  throw invalid(
    `${given.from}: letters, digits, dots, dashes and underscores, at most 63, are expected`,
  )
}

function oneOf<T extends string>(given: Given | undefined, choices: readonly T[], fallback: T): T {
  if (given === undefined) return fallback
  const choice = choices.find((each) => each === given.text)
  if (choice !== undefined) return choice
  throw invalid(`${given.from}: one of ${choices.join(', ')} is expected, not ${given.text}`)
}

function amount(given: Given | undefined, max: number): number | undefined {
  if (given === undefined) return undefined
  const value = Number(given.text)
  if (/^[0-9]+$/.test(given.text) && value <= max) return value
  throw invalid(`${given.from}: a whole number from 0 to ${max} is expected, not ${given.text}`)
}

function labels(given: Given | undefined): { [key: string]: string } {
  const found: { [key: string]: string } = {}
  for (const each of listOf(given)) {
    const [, key, value] = /^([A-Za-z0-9][A-Za-z0-9._/-]{0,127})=(.{0,256})$/.exec(each) ?? []
    if (key === undefined) throw invalid(`${given!.from}: key=value is expected, not ${each}`)
    found[key] = value ?? ''
  }
  return found
}

function portRange(given: Given | undefined): [number, number] | undefined {
  if (given === undefined) return undefined
  const [, first, last] = (/^([0-9]{1,5})-([0-9]{1,5})$/.exec(given.text) ?? []).map(Number)
  if (first !== undefined && last !== undefined && first > 0 && first <= last && last < 65_536)
    return [first, last]
  throw invalid(`${given.from}: FIRST-LAST is expected, as in 20000-29999, not ${given.text}`)
}

function protocolConfig(given: unknown): Config {
  if (given === undefined || given === null) return defaultConfig
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultConfig, key)) throw invalid(`protocol: there is no knob ${key}`)
    if (!Number.isSafeInteger(value) || value < 0)
      throw invalid(`protocol.${key}: a whole number is expected`)
  }
  return { ...defaultConfig, ...given }
}

function listOf(given: Given | undefined): string[] {
  const items = (given?.text ?? '').split(',').map((each) => each.trim())
  return items.filter((each) => each !== '')
}

function invalid(message: string): AgentError {
  return new AgentError('setting-invalid', message)
}
