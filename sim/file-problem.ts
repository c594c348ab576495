/** What is wrong with a file that a person gave, as `file:LINE: reason`: one line, without a stack. */
import type { ProblemAt } from './yaml-file.ts'

export class FileProblem extends Error {
  constructor(file: string, reason: string, line?: number) {
    super(line === undefined ? `${file}: ${reason}` : `${file}:${line}: ${reason}`)
    this.name = 'FileProblem'
  }
}

export function problemOf(file: string): ProblemAt {
  return (line, reason) => new FileProblem(file, reason, line)
}
