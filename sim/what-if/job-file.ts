/** A job from a YAML or JSON file, held against the same schema as a submission is. */
import { check } from '../../protocol/base/schema.ts'
import { type JobSpec, jobSchema } from '../../protocol/placement/job.ts'
import { problemOf } from '../file-problem.ts'
import { whatIfLimits as limits } from '../limits.ts'
import { contentOf, parseYamlFile } from '../yaml-file.ts'

export function readJobFile(file: string): JobSpec {
  return parseJobFile(contentOf(file, limits.jobFileBytes, problemOf(file)), file)
}

export function parseJobFile(content: string, file: string): JobSpec {
  const { data, complaint } = parseYamlFile(content, problemOf(file))
  const checked = check(jobSchema, data)
  if (!checked.ok) throw complaint(checked.issues[0]!)
  return checked.value
}
