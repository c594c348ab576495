/** What a container uses, from the engine's two samples a second apart. */
import type { TaskStats } from './runtime.ts'

interface CpuSample {
  readonly cpu_usage: { readonly total_usage: number }
  readonly system_cpu_usage?: number
  readonly online_cpus?: number
}

export interface EngineUsage {
  readonly cpu_stats: CpuSample
  readonly precpu_stats: CpuSample
  readonly memory_stats: {
    readonly usage?: number
    /** `total_inactive_file` of cgroup 1, `inactive_file` of cgroup 2. */
    readonly stats?: object
  }
}

const bytesPerMib = 1024 * 1024

/** The page cache that the kernel would give up at once does not count, as in `docker stats`. */
export function readUsage(usage: EngineUsage): TaskStats {
  const { cpu_stats: now, precpu_stats: before, memory_stats: memory } = usage
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage
  const elapsed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0)
  const cores = now.online_cpus ?? 1
  const stats = (memory.stats ?? {}) as { [name: string]: number }
  const cache = stats.total_inactive_file ?? stats.inactive_file ?? 0
  const bytes = Math.max(0, (memory.usage ?? 0) - cache)
  return {
    cpu: elapsed > 0 ? Math.max(0, Math.round((used / elapsed) * cores * 1000)) : 0,
    memory: Math.ceil(bytes / bytesPerMib),
  }
}
