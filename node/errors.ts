/**
 * What can end an agent or keep it from starting, by a stable code. The message says what to do next. Our own
 * bugs have no place here: they end the process with `bugExitCode` and a flight record.
 */
export const errorCodes = {
  /** A flag, variable or settings file is wrong. */
  'setting-invalid': { exitCode: 2 },
  /** The cluster's key is missing where it cannot be made up: this node is to join others. */
  'key-missing': { exitCode: 2 },
  'key-invalid': { exitCode: 2 },
  /** Another agent uses the data folder. */
  'data-locked': { exitCode: 1 },
  /** The data folder cannot be made, read or written. */
  'data-unusable': { exitCode: 1 },
  'disk-full': { exitCode: 1 },
  /** The journal is damaged: what it holds is in other nodes' replicas too. */
  'journal-corrupt': { exitCode: 1 },
  'identity-invalid': { exitCode: 1 },
  /** Something listens on a port already. */
  'address-in-use': { exitCode: 1 },
  /** An address is not of this machine, or not ours to use. */
  'address-unusable': { exitCode: 1 },
} as const

export type ErrorCode = keyof typeof errorCodes

/** Ends the process after a bug: EX_SOFTWARE of sysexits.h. */
export const bugExitCode = 70

export class AgentError extends Error {
  override name = 'AgentError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }

  get exitCode(): number {
    return errorCodes[this.code].exitCode
  }
}
