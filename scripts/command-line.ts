/** The command line of a script: its options, its usage when asked, exit code 2 when it is wrong. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

export function commandLine<T extends ParseArgsConfig>(usage: string, config: T) {
  if (process.argv.includes('--help')) {
    process.stdout.write(usage)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
    return wrongUsage(usage, message.split('\n')[0]!)
  }
}

export function wrongUsage(usage: string, reason: string): never {
  process.stderr.write(`${reason}\n${usage}`)
  process.exit(2)
}

/** A whole number of ten digits at most, as a person writes it. */
export function wholeNumber(
  usage: string,
  flag: string,
  text: string,
  min: number,
  max: number,
): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  return wrongUsage(usage, `--${flag}: ${text} is not a whole number from ${min} to ${max}`)
}
