/** The frames of a flight record, read from its file piece by piece: a record may be larger than a process. */
import { closeSync, openSync, readSync } from 'node:fs'
import { type Frame, readFrame, recordVersion } from '../../protocol/flight-record.ts'
import { FileProblem } from '../file-problem.ts'

/** `torn`: the last frame is not whole, as after a `kill -9`. `full`: the record was as large as it may be. */
export type RecordEnd = 'whole' | 'torn' | 'full'

const pieceBytes = 1024 * 1024

export class RecordReader {
  /** Known once all frames are read. */
  end: RecordEnd = 'whole'
  readonly #file: string
  #buffer = new Uint8Array(0)
  /** Where the buffer begins in the file. */
  #offset = 0
  #frames = 0

  constructor(file: string) {
    this.#file = file
  }

  *frames(): Generator<Frame> {
    const descriptor = this.#open()
    try {
      for (;;) {
        const frame = this.#next(descriptor)
        if (frame === undefined) return
        if (frame.type === 'full') this.end = 'full'
        else yield this.#checked(frame)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  #next(descriptor: number): Frame | undefined {
    for (;;) {
      const read = readFrame(this.#buffer)
      if ('frame' in read) {
        this.#drop(read.bytes)
        this.#frames++
        return read.frame
      }
      if ('broken' in read) throw this.#problem(read.broken)
      if (this.#fill(descriptor)) continue
      if (this.#buffer.length > 0) this.end = 'torn'
      return undefined
    }
  }

  #checked(frame: Frame): Frame {
    if (this.#frames === 1 && frame.type !== 'init')
      throw new FileProblem(this.#file, 'is no flight record: it does not begin with a life')
    if (frame.type === 'init' && frame.version !== recordVersion)
      throw new FileProblem(
        this.#file,
        `is a record of version ${frame.version}, and this program reads version ${recordVersion}`,
      )
    return frame
  }

  #problem(what: string): FileProblem {
    if (this.#frames === 0) return new FileProblem(this.#file, `is no flight record: ${what}`)
    const place = `frame ${this.#frames + 1}, at byte ${this.#offset}`
    return new FileProblem(this.#file, `${place}: ${what}`)
  }

  #drop(bytes: number): void {
    this.#buffer = this.#buffer.subarray(bytes)
    this.#offset += bytes
  }

  /** False at the end of the file. */
  #fill(descriptor: number): boolean {
    const piece = new Uint8Array(pieceBytes)
    const length = readSync(descriptor, piece)
    if (length === 0) return false
    const joined = new Uint8Array(this.#buffer.length + length)
    joined.set(this.#buffer)
    joined.set(piece.subarray(0, length), this.#buffer.length)
    this.#buffer = joined
    return true
  }

  #open(): number {
    try {
      return openSync(this.#file, 'r')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const reason = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`
      throw new FileProblem(this.#file, reason)
    }
  }
}
