/** The public surface of the protocol, for the agent and the simulator. */
export type { Core, CoreInit } from './core.ts'
export { createCore } from './core.ts'
