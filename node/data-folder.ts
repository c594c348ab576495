/** What an agent finds and keeps in its data folder: the journal, the cluster's key, its own identity. */
import { join } from 'node:path'
import type { MemberId } from '../protocol/base/id.ts'
import type { StoreWrite } from '../protocol/effect.ts'
import { parseNode } from '../protocol/placement/parse.ts'
import { journaledRecords } from '../protocol/replication/journal.ts'
import { newClusterKey, readClusterKey, writeClusterKey } from './cluster-key.ts'
import { AgentError, type ErrorCode } from './errors.ts'
import { makeFolder } from './folder.ts'
import { type Identity, loadIdentity } from './identity.ts'
import type { Settings } from './settings.ts'
import { type Journal, openJournal } from './storage/journal.ts'
import { StoreFailure } from './storage/store.ts'

export interface DataFolder {
  readonly journal: Journal
  readonly entries: readonly StoreWrite[]
  readonly identity: Identity
  readonly clusterKey: Uint8Array
}

const codes: { readonly [storeCode: string]: ErrorCode } = {
  locked: 'data-locked',
  'disk-full': 'disk-full',
  corrupt: 'journal-corrupt',
}

/** The journal comes first: it is the lock on all the rest. */
export async function openDataFolder(settings: Settings): Promise<DataFolder> {
  const journal = await openLocked(settings.data)
  try {
    const entries: StoreWrite[] = []
    for await (const entry of journal.entries()) entries.push(entry)
    const clusterKey = await findClusterKey(settings)
    return { journal, entries, clusterKey, identity: await loadIdentity(settings.data) }
  } catch (error) {
    await journal.close()
    throw agentError(settings.data, error)
  }
}

async function openLocked(folder: string): Promise<Journal> {
  try {
    await makeFolder(folder, 0o700)
    return await openJournal(folder)
  } catch (error) {
    throw agentError(folder, error)
  }
}

function agentError(folder: string, error: unknown): unknown {
  if (error instanceof AgentError) return error
  const { code: storeCode, message } = error as { code?: string; message: string }
  const code = (error instanceof StoreFailure && codes[error.code]) || fullDisk(storeCode)
  if (code === 'data-locked') return new AgentError(code, message, error)
  return new AgentError(code, `the data folder ${folder} cannot be used: ${message}`, error)
}

function fullDisk(code: string | undefined): ErrorCode {
  return code === 'ENOSPC' ? 'disk-full' : 'data-unusable'
}

export function clusterKeyFile(settings: Pick<Settings, 'data' | 'key'>): string {
  return settings.key ?? join(settings.data, 'cluster.key')
}

/** The first machine of a cluster makes the key up; one that is to join others cannot. */
export async function findClusterKey(
  settings: Pick<Settings, 'data' | 'key' | 'join'>,
): Promise<Uint8Array> {
  const file = clusterKeyFile(settings)
  const found = await readClusterKey(file)
  if (found !== undefined) return found
  if (settings.key !== undefined)
    throw new AgentError(
      'key-missing',
      `there is no key file ${file}; \`starling init ${file}\` makes one`,
    )
  if (settings.join.length > 0)
    throw new AgentError(
      'key-missing',
      "to join others this node needs the cluster's key: give it with --key FILE",
    )
  const key = newClusterKey()
  await writeClusterKey(file, key)
  return key
}

/** Where others were: a member that was down for long is in nobody's list of links any more. */
const rememberedMax = 16

export function rememberedAddresses(entries: readonly StoreWrite[], self: MemberId): string[] {
  // Most entries are of other kinds, and checking a record costs time.
  const nodes = journaledRecords(entries.filter(({ key }) => key.includes('/node/')))
  const found = [...nodes].flatMap(({ key, author, body }) => {
    const node = key.startsWith('node/') && author !== self ? parseNode(body) : undefined
    return node?.addresses.slice(0, 1) ?? []
  })
  return found.slice(0, rememberedMax)
}
