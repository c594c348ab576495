/** What is wrong with a trace, and where: shown to a person as `file:LINE: reason`, without a stack. */
export class BrokenTrace extends Error {
  constructor(file: string, line: number | undefined, reason: string) {
    super(line === undefined ? `${file}: ${reason}` : `${file}:${line}: ${reason}`)
    this.name = 'BrokenTrace'
  }
}
