/**
 * From a task to a container, as the engine's API has it. No privileges, no capabilities beyond the engine's
 * defaults, no restart policy: when to start again is the core's decision. The limits are those of processes
 * (cgroup.ts has the reasons): memory hard and without swap, CPU as a weight, processes bounded.
 */
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import { cpuShares, processesMax } from './cgroup.ts'
import { substitute } from './command.ts'
import { containerName, labelsOf } from './labels.ts'
import { RuntimeFailure, type TaskStart } from './runtime.ts'

export interface ContainerSettings {
  readonly cluster: string
  readonly node: string
  /** The host's address at which ports are published. */
  readonly hostIp: string
  readonly logBytesMax: number
  readonly logFiles: number
}

type DockerSpec = NonNullable<TaskStart['spec']['docker']>

const bytesPerMib = 1024 * 1024
/** Docker refuses less. */
const memoryMinMib = 6

export function containerOptions(
  task: TaskStart,
  settings: ContainerSettings,
): ContainerCreateOptions {
  const spec = task.spec.docker
  if (!spec) throw new RuntimeFailure('not-docker', `${task.task} is no container`, true)
  const fill = (argument: string): string => substitute(argument, task.env)
  return {
    name: containerName(task),
    Image: withTag(spec.image),
    ...(spec.args.length > 0 && { Cmd: spec.args.map(fill) }),
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint.map(fill) }),
    ...(spec.user !== undefined && { User: spec.user }),
    ...(spec.directory !== undefined && { WorkingDir: fill(spec.directory) }),
    ...(task.spec.stopSignal && { StopSignal: task.spec.stopSignal }),
    Env: Object.entries(task.env).map(([name, value]) => `${name}=${value}`),
    Labels: labelsOf({ ...task, ...settings }),
    ExposedPorts: Object.fromEntries(Object.keys(bindings(task, settings)).map((key) => [key, {}])),
    HostConfig: hostConfig(task, spec, settings),
  }
}

function hostConfig(task: TaskStart, spec: DockerSpec, settings: ContainerSettings): HostConfig {
  const { cpu, memory } = task.spec.resources
  const memoryBytes = Math.max(memory, memoryMinMib) * bytesPerMib
  return {
    ...(memory > 0 && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    CpuShares: cpuShares(cpu),
    PidsLimit: processesMax,
    NetworkMode: networkMode(task, spec),
    PortBindings: bindings(task, settings),
    Mounts: spec.mounts.map(({ source, target, readOnly }) => ({
      Type: source.startsWith('/') ? 'bind' : 'volume',
      Source: source,
      Target: target,
      ReadOnly: readOnly,
    })),
    ReadonlyRootfs: spec.readOnly,
    RestartPolicy: { Name: 'no' },
    // Reaps what the program leaves behind, and lets SIGTERM end a program that has no handler for it.
    Init: true,
    LogConfig: {
      Type: 'json-file',
      Config: { 'max-size': String(settings.logBytesMax), 'max-file': String(settings.logFiles) },
    },
  }
}

/** An engine may have no bridge; one whose ports must be published is then refused, others do without. */
function networkMode(task: TaskStart, spec: DockerSpec): string {
  if (spec.network !== 'bridge') return spec.network
  return task.spec.ports.length > 0 ? 'bridge' : 'default'
}

type Bindings = { [port: string]: { HostIp: string; HostPort: string }[] }

/** A port that names none inside is the same inside, where `$PORT_<NAME>` tells it. */
function bindings(task: TaskStart, settings: ContainerSettings): Bindings {
  const bindings: Bindings = {}
  if (task.spec.docker?.network !== 'bridge') return bindings
  for (const { name, container } of task.spec.ports) {
    const host = task.ports[name]
    if (host === undefined) continue
    const key = `${container ?? host}/tcp`
    bindings[key] = [...(bindings[key] ?? []), { HostIp: settings.hostIp, HostPort: String(host) }]
  }
  return bindings
}

/** Without a tag the engine would pull all of them. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1)
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`
}
