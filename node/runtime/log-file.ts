/**
 * A log that a task writes by itself and the agent bounds: `<path>` is being written, `<path>.1` is the part
 * before, and so on. The task holds the file open and must survive the agent, so the file cannot be changed
 * under it: rotation copies it and then empties it. The task appends (O_APPEND), so it goes on at the new end.
 *
 * The window: what the task writes between the last read and the truncation, two system calls apart, is lost.
 * Rejected: a pipe through the agent, which would lose nothing until the agent dies, and then break the task.
 *
 * A reader's place is the pair of a generation, which rotation counts up, and an offset in it; so it finds its
 * place again under whatever name that part has by now.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { open, stat } from 'node:fs/promises'

export interface LogLimits {
  readonly bytesMax: number
  /** Files that are kept, the one being written among them. */
  readonly files: number
}

export interface Place {
  readonly generation: number
  readonly offset: number
}

const chunkBytes = 65_536

export class LogFile {
  readonly #path: string
  readonly #limits: LogLimits
  /** Bytes that were left out at the beginning of an older part. */
  readonly #skipped = new Map<number, number>()
  #generation = 0
  #rotating = false

  constructor(path: string, limits: LogLimits) {
    this.#path = path
    this.#limits = limits
  }

  /** Empties the file into the row of older ones when it is over the limit. */
  async bound(): Promise<void> {
    if (this.#rotating || (await sizeOf(this.#path)) <= this.#limits.bytesMax) return
    this.#rotating = true
    try {
      await this.#rotate()
    } finally {
      this.#rotating = false
    }
  }

  async #rotate(): Promise<void> {
    const copy = `${this.#path}.copy`
    const isKept = this.#limits.files > 1
    // The bulk without blocking, the rest at once, so that nothing comes between it and the truncation.
    const skipped = isKept ? await copyEnd(this.#path, copy, this.#limits.bytesMax) : 0
    const source = openSync(this.#path, 'r+')
    try {
      if (isKept) appendRest({ source, copy, skipped, bytesMax: this.#limits.bytesMax })
      ftruncateSync(source, 0)
    } finally {
      closeSync(source)
    }
    if (isKept) this.#shift(copy)
    this.#skipped.set(this.#generation, skipped)
    this.#skipped.delete(this.#generation - this.#limits.files)
    this.#generation++
  }

  #shift(copy: string): void {
    rmSync(this.#name(this.#limits.files - 1), { force: true })
    for (let age = this.#limits.files - 2; age >= 1; age--)
      rename(this.#name(age), this.#name(age + 1))
    rename(copy, this.#name(1))
  }

  #name(age: number): string {
    return age === 0 ? this.#path : `${this.#path}.${age}`
  }

  /** The bytes at the place, and the place after them; none at the end of what there is. */
  async read(place: Place): Promise<{ bytes: Uint8Array; next: Place }> {
    let next = this.#oldestKept(place)
    for (;;) {
      const generation = this.#generation
      const skipped = this.#skipped.get(next.generation) ?? 0
      if (next.offset < skipped) next = { ...next, offset: skipped }
      const bytes = await readAt(this.#name(generation - next.generation), next.offset - skipped)
      if (generation !== this.#generation) {
        next = this.#oldestKept(next)
        continue
      }
      if (bytes !== undefined && bytes.length > 0)
        return { bytes, next: { ...next, offset: next.offset + bytes.length } }
      if (next.generation < generation) next = { generation: next.generation + 1, offset: 0 }
      // Somebody else emptied it.
      else return { bytes: new Uint8Array(0), next: bytes ? next : { ...next, offset: 0 } }
    }
  }

  /** What is no longer kept is passed over. */
  #oldestKept(place: Place): Place {
    const oldest = this.#generation - this.#limits.files + 1
    return place.generation >= oldest ? place : { generation: oldest, offset: 0 }
  }

  /** Where the last `lines` lines begin; the beginning when there are fewer, or without a number. */
  async placeOfTail(lines: number | undefined): Promise<Place> {
    const generation = this.#generation
    const oldest = { generation: generation - this.#limits.files + 1, offset: 0 }
    if (lines === undefined) return oldest
    let missing = lines
    let isLast = true
    for (let age = 0; age < this.#limits.files; age++) {
      const found = await findTail(this.#name(age), missing, isLast)
      if (generation !== this.#generation) return this.placeOfTail(lines)
      const skipped = this.#skipped.get(generation - age) ?? 0
      if (found.offset !== undefined)
        return { generation: generation - age, offset: found.offset + skipped }
      missing -= found.lines
      isLast &&= found.isEmpty
    }
    return oldest
  }
}

/** At most the last `bytesMax`: a log may have grown while no agent lived. Returns what was left out. */
async function copyEnd(path: string, copy: string, bytesMax: number): Promise<number> {
  const source = await open(path, 'r')
  const target = await open(copy, 'w')
  try {
    const { size } = await source.stat()
    const skipped = size > 2 * bytesMax ? size - bytesMax : 0
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (let offset = skipped; offset < size; ) {
      const { bytesRead } = await source.read(buffer, 0, chunkBytes, offset)
      if (bytesRead === 0) break
      await target.write(buffer, 0, bytesRead)
      offset += bytesRead
    }
    return skipped
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}

interface Rest {
  readonly source: number
  readonly copy: string
  readonly skipped: number
  readonly bytesMax: number
}

/** A task that writes faster than we copy is cut off after as much again. */
function appendRest({ source, copy, skipped, bytesMax }: Rest): void {
  const target = openSync(copy, 'a')
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    let offset = skipped + fstatSync(target).size
    const end = offset + bytesMax
    while (offset < end) {
      const count = readSync(source, buffer, 0, buffer.length, offset)
      if (count === 0) return
      writeSync(target, buffer, 0, count)
      offset += count
    }
  } finally {
    closeSync(target)
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

/** Undefined when the file is gone or shorter than the offset. */
async function readAt(path: string, offset: number): Promise<Uint8Array | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
    if (bytesRead === 0 && (await file.stat()).size < offset) return undefined
    return new Uint8Array(buffer.buffer, buffer.byteOffset, bytesRead)
  } finally {
    await file.close()
  }
}

interface Tail {
  /** Undefined when the file has too few lines. */
  readonly offset?: number
  readonly lines: number
  readonly isEmpty: boolean
}

const newline = 10

/** Passes `lines` ends of lines, backwards; the very last one ends the last line and does not count. */
async function findTail(path: string, lines: number, isLast: boolean): Promise<Tail> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return { lines: 0, isEmpty: true }
  try {
    const { size } = await file.stat()
    if (lines === 0) return { offset: size, lines: 0, isEmpty: false }
    const buffer = Buffer.allocUnsafe(chunkBytes)
    let passed = 0
    for (let end = size; end > 0; end -= chunkBytes) {
      const start = Math.max(0, end - chunkBytes)
      const { bytesRead } = await file.read(buffer, 0, end - start, start)
      for (let i = bytesRead - 1; i >= 0; i--) {
        if (buffer[i] !== newline || (isLast && start + i === size - 1)) continue
        passed++
        if (passed === lines) return { offset: start + i + 1, lines: passed, isEmpty: false }
      }
    }
    return { lines: passed, isEmpty: size === 0 }
  } finally {
    await file.close()
  }
}
