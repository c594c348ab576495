/**
 * The store on LevelDB. Writes that arrive while an fsync is under way go together into the next batch (group
 * commit), so a burst of submissions costs a few fsyncs, not one each.
 *
 * After a failed write LevelDB's log has a torn record in the middle: it goes on accepting writes behind it
 * and answers that they are durable, but a later start drops all that follows the tear. So a failure closes
 * the database, and the next write opens it again, which recovers all that was acknowledged into new files.
 * While the disk is full that fails too, and so does the write, at most once in `reopenMs`.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { decodeCanonical, encodeCanonical } from '../../protocol/base/bytes.ts'
import type { Value } from '../../protocol/base/value.ts'
import type { StoreWrite } from '../../protocol/effect.ts'
import { limits } from '../../protocol/limits.ts'
import { type Store, StoreFailure } from './store.ts'

type Database = ClassicLevel<string, Uint8Array>

type Operation = { type: 'del'; key: string } | { type: 'put'; key: string; value: Uint8Array }

interface Waiting {
  readonly operations: Operation[]
  readonly resolve: () => void
  readonly reject: (failure: StoreFailure) => void
}

export interface JournalCounters {
  batches: number
  writes: number
  failures: number
  /** Sum of the time that batches took. */
  seconds: number
}

/** Opening a full disk again and again would only fill its caches. */
const reopenMs = 500
/** More wait for the next batch: LevelDB holds one in memory twice, 8 MiB at 1 KiB a record. */
const batchOperationsMax = 4096

export async function openJournal(folder: string): Promise<Journal> {
  const database = await openDatabase(folder)
  await writeFile(pidFile(folder), `${process.pid}\n`).catch(() => undefined)
  return new Journal(folder, database)
}

export class Journal implements Store {
  readonly counters: JournalCounters = { batches: 0, writes: 0, failures: 0, seconds: 0 }
  readonly #folder: string
  #database: Database | undefined
  #failure: StoreFailure | undefined
  #failedAt = 0
  #waiting: Waiting[] = []
  #pump: Promise<void> | undefined
  #isClosed = false

  constructor(folder: string, database: Database) {
    this.#folder = folder
    this.#database = database
  }

  async *entries(): AsyncIterable<{ key: string; value: Value }> {
    if (this.#database === undefined) throw this.#failure ?? closed()
    try {
      for await (const [key, bytes] of this.#database.iterator())
        yield { key, value: read(key, bytes) }
    } catch (error) {
      throw storeFailure(error)
    }
  }

  write(writes: readonly StoreWrite[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ operations: writes.map(operation), resolve, reject })
    this.#pump ??= this.#run()
    return promise
  }

  /** Finishes the writes that wait. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pump
    await this.#database?.close()
    this.#database = undefined
    await rm(pidFile(this.#folder), { force: true })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#takeBatch())
    this.#pump = undefined
  }

  #takeBatch(): Waiting[] {
    const waiting = this.#waiting
    let operations = 0
    let count = 0
    while (count < waiting.length && (count === 0 || operations < batchOperationsMax)) {
      operations += waiting[count]!.operations.length
      count++
    }
    return waiting.splice(0, count)
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const startedAt = performance.now()
    try {
      const database = await this.#usable()
      const operations = batch.flatMap((each) => each.operations)
      await database.batch(operations, { sync: true })
      this.#count(operations.length, startedAt)
      for (const each of batch) each.resolve()
    } catch (error) {
      this.counters.failures++
      const failure = await this.#fail(error)
      for (const each of batch) each.reject(failure)
    }
  }

  #count(writes: number, startedAt: number): void {
    this.counters.batches++
    this.counters.writes += writes
    this.counters.seconds += (performance.now() - startedAt) / 1000
  }

  async #usable(): Promise<Database> {
    if (this.#database !== undefined) return this.#database
    if (this.#failure && performance.now() - this.#failedAt < reopenMs) throw this.#failure
    this.#database = await openDatabase(this.#folder)
    this.#failure = undefined
    return this.#database
  }

  async #fail(error: unknown): Promise<StoreFailure> {
    if (error === this.#failure && error instanceof StoreFailure) return error
    this.#failure = storeFailure(error)
    this.#failedAt = performance.now()
    const database = this.#database
    this.#database = undefined
    await database?.close().catch(() => undefined)
    return this.#failure
  }
}

function operation({ key, value }: StoreWrite): Operation {
  if (value === null) return { type: 'del', key }
  return { type: 'put', key, value: encodeCanonical(value) }
}

function read(key: string, bytes: Uint8Array): Value {
  const value = decodeCanonical(bytes, 2 * limits.recordBodyBytes + limits.messageBytes)
  if (value === undefined) throw new StoreFailure('corrupt', `the value of ${key} cannot be read`)
  return value
}

async function openDatabase(folder: string): Promise<Database> {
  const database: Database = new ClassicLevel(join(folder, 'journal'), { valueEncoding: 'view' })
  try {
    await database.open()
    return database
  } catch (error) {
    await database.close().catch(() => undefined)
    const failure = storeFailure(error)
    if (failure.code !== 'locked') throw failure
    const pid = await readFile(pidFile(folder), 'utf8').catch(() => '')
    const holder = pid.trim() === '' ? 'another agent' : `another agent (pid ${pid.trim()})`
    throw new StoreFailure('locked', `${holder} uses the data folder ${folder}`, error)
  }
}

export function pidFile(folder: string): string {
  return join(folder, 'agent.pid')
}

function closed(): StoreFailure {
  return new StoreFailure('io', 'the store is closed')
}

/** LevelDB gives one code for all IO errors; what the system said is in the text. */
function storeFailure(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error
  const message = `${messageOf(error)} ${messageOf((error as Error).cause)}`.trim()
  const code = codes.find(([pattern]) => pattern.test(message))?.[1] ?? 'io'
  return new StoreFailure(code, message, error)
}

const codes: readonly (readonly [RegExp, string])[] = [
  [/no space left|quota exceeded|file too large/i, 'disk-full'],
  [/already held|LEVEL_LOCKED|lock .*(unavailable|held)/i, 'locked'],
  [/corruption|LEVEL_CORRUPTION|checksum/i, 'corrupt'],
]

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code } = error as { code?: unknown }
  return `${typeof code === 'string' ? code : ''} ${error.message}`.trim()
}
