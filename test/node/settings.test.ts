import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AgentError } from '../../node/errors.ts'
import { announced, hostOf, reachable } from '../../node/node-description.ts'
import { readSettings } from '../../node/settings.ts'
import { defaultConfig } from '../../protocol/config.ts'

const settings = suite('settings')

function withFile(content: string, run: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'starling-settings-'))
  try {
    const file = join(folder, 'starling.yaml')
    writeFileSync(file, content)
    run(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function complaintOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.instance(error, AgentError)
    assert.is((error as AgentError).code, 'setting-invalid')
    assert.is((error as AgentError).exitCode, 2)
    return (error as AgentError).message
  }
  return 'none'
}

settings('with nothing given, the defaults', () => {
  assert.equal(readSettings({}, {}), {
    data: join(homedir(), '.starling'),
    api: { host: '127.0.0.1', port: 4600 },
    listen: { host: '127.0.0.1', port: 4601 },
    advertise: undefined,
    join: [],
    key: undefined,
    name: hostname(),
    runtime: 'auto',
    cpu: undefined,
    memory: undefined,
    labels: {},
    ports: undefined,
    log: 'auto',
    logLevel: 'info',
    onStop: 'stop',
    record: undefined,
    protocol: defaultConfig,
  })
})

settings('a flag counts before a variable, and that before the file', () => {
  withFile('name: file\ncpu: 3\nlabels: { zone: a, rack: 7 }\njoin: ["h1:1", "h2:2"]\n', (file) => {
    const env = { STARLING_CONFIG: file, STARLING_NAME: 'env', STARLING_LOG_LEVEL: 'debug' }
    const read = readSettings({ name: 'flag' }, env)
    assert.equal(
      [read.name, read.cpu, read.labels, read.join, read.logLevel],
      ['flag', 3, { zone: 'a', rack: '7' }, ['h1:1', 'h2:2'], 'debug'],
    )
    assert.is(readSettings({}, env).name, 'env')
    assert.is(readSettings({ config: file }, {}).name, 'file')
  })
})

settings('lists, pairs and addresses', () => {
  const read = readSettings(
    {
      join: '10.0.0.1:4601, node.example:4601,[fd00::1]:4601,/dns4/x/tcp/1',
      labels: 'zone=a,disk=ssd=fast,empty=',
      listen: '[::]:7000',
      ports: '30000-30010',
    },
    {},
  )
  assert.equal(read.join, ['10.0.0.1:4601', 'node.example:4601', '[fd00::1]:4601', '/dns4/x/tcp/1'])
  assert.equal(read.labels, { zone: 'a', disk: 'ssd=fast', empty: '' })
  assert.equal(read.listen, { host: '::', port: 7000 })
  assert.equal(read.ports, [30_000, 30_010])
})

settings('knobs of the protocol come from the file alone', () => {
  withFile('protocol: { probeIntervalMs: 200 }\n', (config) => {
    const read = readSettings({ config }, {})
    assert.equal(read.protocol, { ...defaultConfig, probeIntervalMs: 200 })
  })
})

settings("the client's STARLING_API is not the agent's", () => {
  const env = { STARLING_API: 'http://10.0.0.9:4600' }
  assert.is(readSettings({}, env).api.host, '127.0.0.1')
  assert.is(readSettings({}, { STARLING_API: '10.0.0.9:4600' }).api.host, '10.0.0.9')
})

for (const [flags, env, expected] of [
  [{ api: 'nowhere' }, {}, '--api: HOST:PORT is expected, not nowhere'],
  [{ listen: '1.2.3.4:99999' }, {}, '--listen: HOST:PORT'],
  [{ join: 'a:1,b' }, {}, '--join: HOST:PORT is expected, not b'],
  [{ runtime: 'podman' }, {}, '--runtime: one of auto, docker, process is expected'],
  [{}, { STARLING_CPU: '1.5' }, 'STARLING_CPU: a whole number'],
  [{ memory: '-1' }, {}, '--memory: a whole number'],
  [{ labels: 'zone' }, {}, '--labels: key=value is expected, not zone'],
  [{ name: 'a b' }, {}, '--name: letters'],
  [{ ports: '30-20' }, {}, '--ports: FIRST-LAST'],
  [{ 'on-stop': 'maybe' }, {}, '--on-stop: one of stop, keep'],
  [{ config: '/nowhere.yaml' }, {}, 'there is no settings file /nowhere.yaml'],
] as const)
  settings(`refused: ${expected}`, () => {
    assert.match(
      complaintOf(() => readSettings(flags, env)),
      expected,
    )
  })

for (const [content, expected] of [
  ['nmae: x', 'there is no setting nmae'],
  ['- a\n- b', 'settings are expected'],
  ['name: [', 'starling.yaml'],
  ['cpu: much', 'cpu in '],
  ['protocol: { probeInterval: 1 }', 'protocol: there is no knob probeInterval'],
  ['protocol: { probeIntervalMs: soon }', 'protocol.probeIntervalMs: a whole number'],
] as const)
  settings(`refused in the file: ${expected}`, () => {
    withFile(content, (config) => {
      assert.match(
        complaintOf(() => readSettings({ config }, {})),
        expected,
      )
    })
  })

settings('a file that is no YAML is refused in one line', () => {
  withFile('api: [\nname: x\n', (config) => {
    const said = complaintOf(() => readSettings({ config }, {}))
    assert.match(said, /starling\.yaml: .+ at line 2, column 1$/)
    assert.not.match(said, /\n/)
  })
})

const listen = { host: '10.0.0.5', port: 4601 }

settings('a node is reached where it listens, unless it is told otherwise', () => {
  assert.is(hostOf({ listen, advertise: undefined }), '10.0.0.5')
  assert.equal(announced({ listen, advertise: undefined }), [])
  assert.is(hostOf({ listen, advertise: 'n1.example' }), 'n1.example')
  assert.equal(announced({ listen, advertise: 'n1.example' }), ['/dns/n1.example/tcp/4601'])
  assert.is.not(hostOf({ listen: { host: '0.0.0.0', port: 1 }, advertise: undefined }), '0.0.0.0')
})

settings('others are told the best address first, and no loopback of ours', () => {
  const of = (host: string) => `/ip4/${host}/tcp/4601`
  const all = [of('127.0.0.1'), of('172.17.0.1'), of('10.0.0.5')]
  assert.equal(reachable(all, '10.0.0.5'), [of('10.0.0.5'), of('172.17.0.1')])
  assert.equal(reachable([of('127.0.0.1')], '127.0.0.1'), [of('127.0.0.1')])
})

settings.run()
