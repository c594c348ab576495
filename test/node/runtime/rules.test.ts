/** The runtimes' rules that need nothing of the machine, as tables. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cpuShares, cpuWeight, parseMounts } from '../../../node/runtime/cgroup.ts'
import { findUser, substitute } from '../../../node/runtime/command.ts'
import { containerOptions, withTag } from '../../../node/runtime/docker-container.ts'
import { engineFailure } from '../../../node/runtime/docker-failure.ts'
import { FrameReader } from '../../../node/runtime/docker-output.ts'
import { readUsage } from '../../../node/runtime/docker-usage.ts'
import { portVariable, taskEnvironment } from '../../../node/runtime/environment.ts'
import { describeExit } from '../../../node/runtime/exit.ts'
import { labelsOf, readLabels } from '../../../node/runtime/labels.ts'
import { offeredMemoryMib, parseCpuTimes, parseMemoryMib } from '../../../node/runtime/machine.ts'
import { parseStat } from '../../../node/runtime/process-identity.ts'
import { millicores } from '../../../node/runtime/process-usage.ts'
import { RuntimeFailure } from '../../../node/runtime/runtime.ts'
import { taskSpec } from './fixture.ts'

const test = suite('runtime rules')
const dollar = '$'

test('names of the environment are filled in, and nothing else', () => {
  const env = { A: '1', AB: '2', EMPTY: '', PORT_HTTP: '20001' }
  const rows: [argument: string, filled: string][] = [
    ['$A', '1'],
    ['$AB', '2'],
    [`${dollar}{A}B`, '1B'],
    ['x$A-$AB', 'x1-2'],
    ['$EMPTY.', '.'],
    ['$C', '$C'],
    [`${dollar}{C}`, `${dollar}{C}`],
    ['$', '$'],
    ['$$', '$$'],
    ['echo $$; kill $!', 'echo $$; kill $!'],
    ['$$A', '$A'],
    [`$${dollar}{A}`, `${dollar}{A}`],
    ['$$C', '$$C'],
    [`${dollar}{A:-x}`, `${dollar}{A:-x}`],
    ['$1', '$1'],
    ['--port=$PORT_HTTP', '--port=20001'],
    ['$toString $__proto__', '$toString $__proto__'],
  ]
  for (const [argument, filled] of rows) assert.is(substitute(argument, env), filled, argument)
})

test('a value is not filled in once more', () => {
  assert.is(substitute('$A', { A: '$B', B: 'x' }), '$B')
})

test('users are found by name and by number', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/:/bin/false\n'
  assert.equal(findUser(passwd, 'web'), { uid: 33, gid: 34 })
  assert.equal(findUser(passwd, '33'), { uid: 33, gid: 34 })
  assert.equal(findUser(passwd, '4711'), { uid: 4711, gid: 4711 })
  assert.is(findUser(passwd, 'nobody'), undefined)
  assert.is(findUser(passwd, ''), undefined)
})

test('endings are told in a person’s words', () => {
  const rows: [code: number | null, outOfMemory: boolean, memory: number, reason: string][] = [
    [0, false, 64, 'exited with 0'],
    [1, false, 64, 'exited with 1'],
    [128, false, 64, 'exited with 128'],
    [137, false, 64, 'killed by signal 9'],
    [192, false, 64, 'killed by signal 64'],
    [193, false, 64, 'exited with 193'],
    [255, false, 64, 'exited with 255'],
    [null, false, 64, 'ended while no agent was watching'],
    [137, true, 64, 'killed: out of memory (64 MiB)'],
    [1, true, 64, 'killed: out of memory (64 MiB)'],
    [null, true, 0, 'killed: out of memory'],
    [0, true, 64, 'exited with 0'],
  ]
  for (const [code, outOfMemory, memory, reason] of rows)
    assert.equal(describeExit({ code, outOfMemory, memory }), { exitCode: code, reason })
})

test('mounts of control groups', () => {
  const mounts = [
    'proc /proc proc rw 0 0',
    'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0',
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
    'cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0',
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
    '',
  ]
  assert.equal(parseMounts(mounts.join('\n')), [
    { path: '/sys/fs/cgroup/memory', version: 1, controllers: ['memory'] },
    { path: '/sys/fs/cgroup/cpu,cpuacct', version: 1, controllers: ['cpu', 'cpuacct'] },
    { path: '/sys/fs/cgroup/unified', version: 2, controllers: [] },
  ])
})

test('millicores as shares and as weight', () => {
  const rows: [millicores: number, shares: number, weight: number][] = [
    [0, 2, 1],
    [1, 2, 1],
    [100, 102, 4],
    [1000, 1024, 39],
    [1_000_000, 262_144, 10_000],
  ]
  for (const [cpu, shares, weight] of rows)
    assert.equal([cpuShares(cpu), cpuWeight(cpu)], [shares, weight], `${cpu}`)
})

test('stat of a process whose name is made to confuse', () => {
  const rest = Array.from({ length: 30 }, (_, i) => i + 23).join(' ')
  const stat = `42 (a) R (b c) S 1 40 41 0 -1 4 0 0 0 0 7 8 0 0 20 0 1 0 12345 ${rest}`
  assert.equal(parseStat(stat), {
    pid: 42,
    state: 'S',
    group: 40,
    session: 41,
    cpuTicks: 15,
    startTicks: 12_345,
    residentPages: 24,
  })
  assert.is(parseStat(''), undefined)
})

test('CPU over an interval, never below 0', () => {
  const at = (atMs: number, ms: number) => ({ atMs, cpuNanoseconds: BigInt(ms) * 1_000_000n })
  assert.is(millicores(at(0, 0), at(1000, 500)), 500)
  assert.is(millicores(at(0, 0), at(1000, 2000)), 2000)
  assert.is(millicores(at(1000, 500), at(2000, 400)), 0)
  assert.is(millicores(at(1000, 0), at(500, 1)), 1000, 'a clock that was set back')
})

test('figures of the machine', () => {
  const stat = 'cpu  100 10 50 800 40 5 5 0 0 0\ncpu0 1 2 3\n'
  assert.equal(parseCpuTimes(stat), { busy: 170, total: 1010 })
  assert.is(parseMemoryMib('MemTotal:       2048000 kB\nMemAvailable: 1024 kB\n', 'MemTotal'), 2000)
  assert.is(parseMemoryMib('', 'MemTotal'), 0)
  assert.equal([offeredMemoryMib(24_000), offeredMemoryMib(1024)], [23_488, 768])
})

const webSpec = taskSpec({
  name: 'web',
  docker: {
    image: 'nginx',
    args: ['--port', '$PORT_HTTP_ADMIN', '$HOME'],
    user: '33',
    mounts: [
      { source: '/srv', target: '/data', readOnly: true },
      { source: 'cache', target: '/cache' },
    ],
  },
  env: { HOST: 'mine' },
  resources: { cpu: 500, memory: 64 },
  ports: [{ name: 'http', container: 80 }, { name: 'http-admin' }],
})
const webPorts = { http: 20_001, 'http-admin': 20_002, other: 20_003 }

test('a task is told about itself', () => {
  const of = { allocation: 'a', job: 'shop', slot: 2, task: webSpec, ports: webPorts }
  assert.equal(taskEnvironment({ ...of, node: 'n1', host: '10.0.0.1' }), {
    STARLING_JOB: 'shop',
    STARLING_ALLOCATION: 'a',
    STARLING_SLOT: '2',
    STARLING_TASK: 'web',
    STARLING_NODE: 'n1',
    HOST: 'mine',
    PORT_HTTP: '20001',
    PORT_HTTP_ADMIN: '20002',
    PORT_OTHER: '20003',
    CONTAINER_PORT_HTTP: '80',
    CONTAINER_PORT_HTTP_ADMIN: '20002',
  })
  assert.is(portVariable('grpc.v2-x'), 'PORT_GRPC_V2_X')
})

const settings = {
  cluster: 'c',
  node: 'n',
  hostIp: '10.0.0.1',
  logBytesMax: 1000,
  logFiles: 2,
}

test('a task as a container', () => {
  const start = {
    allocation: 'shop.2.00000001',
    task: 'web',
    job: 'shop',
    slot: 2,
    spec: webSpec,
    ports: webPorts,
    env: { PORT_HTTP_ADMIN: '20002' },
  }
  assert.equal(containerOptions(start, settings), {
    name: 'starling-shop.2.00000001-web',
    Image: 'nginx:latest',
    Cmd: ['--port', '20002', '$HOME'],
    User: '33',
    Env: ['PORT_HTTP_ADMIN=20002'],
    Labels: {
      'starling.cluster': 'c',
      'starling.node': 'n',
      'starling.allocation': 'shop.2.00000001',
      'starling.job': 'shop',
      'starling.slot': '2',
      'starling.task': 'web',
      'starling.ports': JSON.stringify(webPorts),
    },
    ExposedPorts: { '80/tcp': {}, '20002/tcp': {} },
    HostConfig: {
      Memory: 67_108_864,
      MemorySwap: 67_108_864,
      CpuShares: 512,
      PidsLimit: 4096,
      NetworkMode: 'bridge',
      PortBindings: {
        '80/tcp': [{ HostIp: '10.0.0.1', HostPort: '20001' }],
        '20002/tcp': [{ HostIp: '10.0.0.1', HostPort: '20002' }],
      },
      Mounts: [
        { Type: 'bind', Source: '/srv', Target: '/data', ReadOnly: true },
        { Type: 'volume', Source: 'cache', Target: '/cache', ReadOnly: false },
      ],
      ReadonlyRootfs: false,
      RestartPolicy: { Name: 'no' },
      Init: true,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1000', 'max-file': '2' } },
    },
  })
})

test('networks of a container', () => {
  const rows: [docker: object, ports: object[], mode: string, published: number][] = [
    [{}, [], 'default', 0],
    [{}, [{ name: 'http' }], 'bridge', 1],
    [{ network: 'host' }, [{ name: 'http' }], 'host', 0],
    [{ network: 'none' }, [{ name: 'http' }], 'none', 0],
  ]
  for (const [docker, ports, mode, published] of rows) {
    const spec = taskSpec({ docker: { image: 'x', ...docker }, ports })
    const start = { allocation: 'a', task: 'main', job: 'j', slot: 0, spec, env: {} }
    const { HostConfig } = containerOptions({ ...start, ports: { http: 20_001 } }, settings)
    assert.is(HostConfig?.NetworkMode, mode)
    assert.is(Object.keys(HostConfig?.PortBindings).length, published)
  }
})

test('an image without a tag is its latest', () => {
  const rows: [image: string, full: string][] = [
    ['nginx', 'nginx:latest'],
    ['nginx:1.27', 'nginx:1.27'],
    ['host:5000/nginx', 'host:5000/nginx:latest'],
    ['host:5000/nginx:1', 'host:5000/nginx:1'],
    ['nginx@sha256:00', 'nginx@sha256:00'],
  ]
  for (const [image, full] of rows) assert.is(withTag(image), full)
})

test('labels tell what they were told', () => {
  const text = fc.string({ maxLength: 20 })
  fc.assert(
    fc.property(
      fc.record({
        cluster: text,
        node: text,
        allocation: text,
        job: text,
        task: text,
        slot: fc.nat(),
        ports: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.nat(65_535)),
      }),
      (of) => assert.equal(readLabels(labelsOf(of)), { ...of, ports: { ...of.ports } }),
    ),
  )
  assert.is(readLabels({ 'starling.node': 'n' }), undefined)
  assert.is(readLabels(undefined), undefined)
  const damaged = {
    ...labelsOf({ ...settings, allocation: 'a', job: 'j', task: 't', slot: 0, ports: {} }),
  }
  damaged['starling.ports'] = '{"http":"x"'
  assert.equal(readLabels(damaged)?.ports, {})
})

test('frames of the engine, however they are cut', () => {
  const frame = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 9 })), (frames, cuts) => {
      const wire = Buffer.concat(frames.map((payload) => Buffer.concat([header(payload), payload])))
      const reader = new FrameReader()
      const read: Uint8Array[] = []
      for (let at = 0, i = 0; at < wire.length; i++) {
        const end = at + (cuts[i] ?? 1000)
        read.push(...reader.push(wire.subarray(at, end)))
        at = end
      }
      assert.equal(
        read.map((payload) => [...payload]),
        frames.map((payload) => [...payload]),
      )
    }),
  )
})

function header(payload: Uint8Array): Buffer {
  const bytes = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])
  bytes.writeUInt32BE(payload.length, 4)
  return bytes
}

test('failures of the engine, and what is sure about them', () => {
  const rows: [error: object, code: string, definite: boolean][] = [
    [{ code: 'ENOENT', syscall: 'connect' }, 'engine-unavailable', true],
    [{ code: 'ECONNREFUSED', syscall: 'connect' }, 'engine-unavailable', true],
    [{ code: 'ECONNRESET', syscall: 'read' }, 'engine-unavailable', false],
    [{ code: 'ECONNRESET' }, 'engine-unavailable', false],
    [{ statusCode: 500, json: { message: 'no' } }, 'start-failed', true],
    [{ statusCode: 400, json: null }, 'start-failed', true],
  ]
  for (const [fields, code, definite] of rows) {
    const failure = engineFailure(Object.assign(new Error('so'), fields), 'start-failed')
    assert.equal([failure.code, failure.definite], [code, definite])
  }
  const own = new RuntimeFailure('x', 'y', false)
  assert.is(engineFailure(own, 'start-failed'), own)
})

test('use of a container', () => {
  const sample = (cpu: number, system: number) => ({
    cpu_usage: { total_usage: cpu },
    system_cpu_usage: system,
    online_cpus: 2,
  })
  const memory = { usage: 30 * 1024 * 1024, stats: { total_inactive_file: 10 * 1024 * 1024 } }
  const usage = { cpu_stats: sample(200, 2000), precpu_stats: sample(100, 1000) }
  assert.equal(readUsage({ ...usage, memory_stats: memory }), { cpu: 200, memory: 20 })
  const first = { cpu_usage: { total_usage: 0 } }
  assert.equal(readUsage({ cpu_stats: first, precpu_stats: first, memory_stats: {} }), {
    cpu: 0,
    memory: 0,
  })
})

test.run()
