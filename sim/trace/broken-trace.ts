/** What is wrong with a trace, and where. */
import { FileProblem } from '../file-problem.ts'

export class BrokenTrace extends FileProblem {
  constructor(file: string, line: number | undefined, reason: string) {
    super(file, reason, line)
    this.name = 'BrokenTrace'
  }
}
