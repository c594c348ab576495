/** The command line as its user meets it: a process, what it prints, and its exit code. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fullUsage, replayUsage } from '../../../sim/cli/usage.ts'
import { type Running, serve, startApi, until, webJob } from '../api/fixture.ts'
import { MemoryCluster } from '../api/memory-cluster.ts'

const cli = suite('cli')
const entry = fileURLToPath(new URL('./entry.ts', import.meta.url))
let api: Running
let folder: string

cli.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-cli-'))
  await writeFile(join(folder, 'web.json'), JSON.stringify(webJob()))
  await writeFile(join(folder, 'web.yaml'), webYaml)
})

cli.after(() => rm(folder, { recursive: true }))

cli.before.each(async () => {
  api = await startApi()
})

cli.after.each(async () => {
  await api.close()
  assert.equal(api.failures, [])
})

const webYaml = `id: web
count: 3
tasks:
  - name: server
    process: { command: [serve] }
    ports: [{ name: http }]
services: [{ name: web, port: http }]
`

interface Ended {
  code: number | null
  out: string
  err: string
}

function start(words: string[], env: { [name: string]: string } = {}): ChildProcess {
  const clean = { PATH: process.env.PATH, STARLING_API: api.url, ...env }
  return spawn(process.execPath, [entry, ...words], { env: clean, cwd: folder })
}

async function starling(words: string[], input = '', env = {}): Promise<Ended> {
  const child = start(words, env)
  child.stdin!.end(input)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)])
  return { code: await ended, out, err }
}

const say = (words: string, input?: string, env?: object) =>
  starling(words.split(' '), input, env as { [name: string]: string })

cli('run: a file, standard input, again, another content, replaced', async () => {
  const first = await say('run web.yaml')
  assert.equal([first.code, first.err], [0, ''])
  assert.match(first.out, /^web submitted: version 1-0000abcd/)
  assert.match((await say('run -', webYaml)).out, /^web in place: version 1-0000abcd/)
  const other = webYaml.replace('count: 3', 'count: 2')
  const refused = await say('run -', other)
  assert.is(refused.code, 1)
  assert.match(refused.err, /error: job web exists/)
  assert.match((await say('run - --replace', other)).out, /version 2-0000abcd/)
  assert.is(api.cluster.jobs.get('web')!.count, 2)
})

cli('run: words of the command line', async () => {
  const words = 'run --id quick --count 2 --cpu 200 --env A=b=c --port http -- sleep --x 5'
  assert.is((await say(words)).code, 0)
  const { spec, count } = api.cluster.jobs.get('quick')!
  const [task] = spec.tasks
  assert.is(count, 2)
  assert.equal(task!.process!.command, ['sleep', '--x', '5'])
  assert.equal(
    [task!.env, task!.resources.cpu, task!.ports],
    [{ A: 'b=c' }, 200, [{ name: 'http' }]],
  )
  assert.is((await say('run --id box --docker nginx:1.27 --port http:80 -- -g x')).code, 0)
  const [box] = api.cluster.jobs.get('box')!.spec.tasks
  assert.equal([box!.docker!.image, box!.docker!.args], ['nginx:1.27', ['-g', 'x']])
  assert.equal(box!.ports, [{ name: 'http', container: 80 }])
})

cli('run: a job that is not valid names its fields', async () => {
  const { code, out, err } = await say(
    'run -',
    '{"id": "x", "count": -1, "colour": 1, "tasks": []}',
  )
  assert.equal([code, out], [1, ''])
  assert.match(err, /^error: the job is not valid\n/)
  assert.match(err, /^ {2}count: must be at least 0$/m)
  assert.match(err, /^ {2}colour: is not a known field$/m)
})

cli('run: a file that cannot be read', async () => {
  const missing = await say('run nowhere.yaml')
  assert.is(missing.code, 1)
  assert.match(missing.err, /^error: cannot read nowhere.yaml/)
  const malformed = await say('run -', 'id: [')
  assert.is(malformed.code, 1)
  assert.match(malformed.err, /line 1, column/)
})

cli('run --wait: until all is healthy, or the time is over', async () => {
  const done = await say('run web.json --wait --json')
  assert.is(done.code, 0)
  assert.is(JSON.parse(done.out).version, '1-0000abcd')
  assert.match(done.err, /web: 3 of 3 running and healthy/)
  const [first] = api.cluster.liveOf('web')
  api.cluster.allocations.delete(first!.body.id)
  const late = await say('run web.json --wait --timeout 300ms')
  assert.is(late.code, 1)
  assert.match(late.err, /web: 2 of 3 running and healthy, 1 waiting/)
  assert.match(late.err, /error: web does not run after .*starling why web/)
})

cli('plan: what would change', async () => {
  assert.match((await say('plan web.yaml')).out, /^web: new\nallocations: 3 added/)
  await say('run web.yaml')
  assert.is((await say('plan web.json')).out, 'web: nothing changes\n')
  const changed = await say('plan -', webYaml.replace('[serve]', '[other]'))
  assert.match(changed.out, /0 added, 0 removed, 3 replaced, 0 kept/)
  assert.match(changed.out, /tasks\[0\]\.process\.command\[0\] +"serve" +"other"/)
})

cli('ps, jobs, nodes: aligned tables', async () => {
  assert.is((await say('ps')).out, 'nothing runs\n')
  assert.match((await say('jobs')).out, /^no jobs/)
  await api.ask('POST', '/v1/jobs', webJob())
  const { out } = await say('ps web')
  const lines = out.trimEnd().split('\n')
  assert.match(lines[0]!, /^ALLOCATION +JOB +SLOT +NODE +STATE +HEALTHY +PORTS +RESTARTS +AGE$/)
  assert.is(lines.length, 4)
  assert.match(lines[2]!, /^web\.1\.00000001 +web +1 +n2 +running +yes +http:20100 +0 +\d+d\d*h?$/)
  const column = lines[0]!.indexOf('STATE')
  assert.ok(lines.slice(1).every((line) => line.slice(column).startsWith('running')))
  assert.not(out.includes('\u001b'))
  assert.match((await say('jobs')).out, /^web +service +running +3 +3 +3 +0 +- +1-0000abcd$/m)
  const alive = /^n1 +alive +127.0.0.1 +0\/4 +0Mi\/8.0Gi +process +zone=a/m
  assert.match((await say('nodes')).out, alive)
})

cli('nodes: says what a node cannot run, and why', async () => {
  const [node] = api.cluster.nodes
  const troubles = ['the Docker engine does not answer: connect ENOENT']
  api.cluster.nodes[0] = { ...node!, body: { ...node!.body!, runtimes: [], troubles } }
  const { out } = await say('nodes')
  assert.match(out, /^n1 +alive .* nothing +zone=a/m)
  assert.match(out, /^n1: the Docker engine does not answer: connect ENOENT$/m)
})

cli('ps: ended ones only when asked for', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  await api.ask('DELETE', '/v1/jobs/web')
  assert.is((await say('ps')).out, 'nothing runs\n')
  assert.match((await say('ps --all')).out, /complete/)
  const unknown = await say('ps nope')
  assert.equal([unknown.code, unknown.err], [1, 'error: no job nope\n'])
})

cli('--json: what the API says', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  const words = ['jobs', 'ps', 'nodes', 'history web', 'services']
  const outputs = await Promise.all(words.map((verb) => say(`${verb} --json`)))
  for (const { code, out } of outputs) {
    assert.is(code, 0)
    assert.ok(JSON.parse(out).items.length > 0)
  }
  assert.is(JSON.parse((await say('why web --json')).out).job, 'web')
  assert.is(JSON.parse((await say('services web --json')).out).name, 'web')
  const events = (await say('events --json --tail 2')).out.trimEnd().split('\n')
  assert.equal(
    events.map((line) => JSON.parse(line).type),
    ['allocation-changed', 'job-changed'],
  )
})

cli('scale, stop, drain: and back', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  assert.is((await say('scale web 5')).out, 'web scaled to 5\n')
  assert.is(api.cluster.liveOf('web').length, 5)
  assert.is((await say('drain n2')).code, 0)
  assert.ok(api.cluster.nodes[1]!.draining)
  assert.match((await say('nodes')).out, /n2 +alive, draining/)
  assert.is((await say('drain n2 --off')).code, 0)
  assert.not(api.cluster.nodes[1]!.draining)
  assert.is((await say('stop web.0.00000000 --allocation')).code, 0)
  assert.is(api.cluster.allocations.get('web.0.00000000')!.state, 'complete')
  assert.is((await say('stop web')).out, 'web deleted\n')
  assert.is(api.cluster.jobs.size, 0)
  assert.is((await say('stop web')).code, 1)
})

cli('why: what each node was missing', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  api.cluster.nodes[1]!.draining = true
  const { out } = await say('why web')
  assert.match(out, /^web: steward n1$/m)
  assert.match(out, /^0 +placed +n1$/m)
  assert.match(out, /^99 +waiting +-$/m)
  assert.match(out, /^slot 99, the lowest score first:$/m)
  assert.match(out, /^n2 +- +draining$/m)
  assert.match((await say('why web 0')).out, /^slot 0, the lowest score first:$/m)
  const { code, err } = await say('why web 7')
  assert.equal([code, err], [1, 'error: web has no slot 7: its count is 4\n'])
})

cli('--wait: until a scale, a stop or a drain has come about, or the time is over', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  const scaled = await say('scale web 4 --wait')
  assert.equal([scaled.code, scaled.out], [0, 'web scaled to 4\n'])
  assert.match(scaled.err, /web: 4 of 4 running and healthy/)
  const { member } = api.cluster.liveOf('web')[0]!
  const late = await say(`drain ${member} --wait --timeout 300ms`)
  assert.is(late.code, 1)
  assert.match(late.err, /error: \S+ is not empty after/)
  const stopped = await say('stop web --wait')
  assert.equal([stopped.code, stopped.out], [0, 'web deleted\n'])
  assert.match(stopped.err, /web: 0 still there/)
  assert.is((await say(`drain ${member} --wait`)).code, 0)
})

cli('ps --all: what failed says why', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  assert.not.match((await say('ps')).out, /REASON/)
  const [first] = api.cluster.liveOf('web')
  const { body } = first!
  const failed = { ...body, state: 'failed' as const, reason: 'server: exited with 3\nmore of it' }
  api.cluster.allocations.set(body.id, { ...first!, state: 'failed', body: failed })
  const { out } = await say('ps --all')
  assert.match(out, /AGE +REASON$/m)
  assert.match(out, new RegExp(`^${body.id} .* failed .* server: exited with 3$`, 'm'))
})

cli('history, services, events', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  await api.ask('POST', '/v1/jobs/web/scale', { count: 2 })
  assert.match((await say('history web')).out, /n1 +count 2 +1-0000abcd +current/)
  assert.match((await say('services')).out, /^web +2\/2 +127.0.0.1:20000, 127.0.0.1:20100$/m)
  assert.match((await say('services web')).out, /^127.0.0.1:20000 +yes +n1 +web.0.00000000/m)
  assert.match((await say('events --job web')).out, /job-changed +web submitted at n1$/m)
})

cli('logs: of an allocation, of a job, as they come', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  for (const { body } of api.cluster.liveOf('web'))
    if (body.slot < 2)
      api.cluster.write({ allocation: body.id, task: 'server' }, `line ${body.slot}`)
  assert.equal(await say('logs web.0.00000000'), { code: 0, out: 'line 0\n', err: '' })
  const other = await serve(api.cluster, 'n2')
  const third = await serve(api.cluster, 'n3')
  const all = await say('logs web')
  assert.is(all.out, '0| line 0\n1| line 1\n')
  assert.is(all.code, 1)
  assert.match(all.err, /2\| nothing is kept/)
  for (const each of api.cluster.liveOf('web')) {
    const body = { ...each.body, state: 'complete' as const }
    api.cluster.allocations.set(body.id, { ...each, state: 'complete', body })
  }
  assert.is((await say('logs web')).out, '0| line 0\n1| line 1\n', 'of each slot that has ended')
  const following = start(['logs', 'web.0.00000000', '-f', '--tail', '0'])
  let seen = ''
  following.stdout!.on('data', (chunk) => {
    seen += chunk
  })
  const key = 'web.0.00000000/server'
  await until(() => api.cluster.written.listenerCount(key) > 0, 'it follows')
  api.cluster.write({ allocation: 'web.0.00000000', task: 'server' }, 'later')
  await until(() => seen === 'later\n', 'the line came')
  following.kill()
  await until(() => api.cluster.written.listenerCount(key) === 0, 'the agent noticed')
  await Promise.all([other.close(), third.close()])
})

cli('events -f: until it is stopped', async () => {
  const following = start(['events', '-f', '--tail', '0'])
  let seen = ''
  following.stdout!.on('data', (chunk) => {
    seen += chunk
  })
  await until(() => api.cluster.events.listenerCount('event') > 0, 'the API listens')
  await until(() => {
    api.cluster.notify({ type: 'storage-recovered' })
    return seen.includes('storage-recovered')
  }, 'the event came')
  following.kill()
})

cli('snapshot: to a file', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  assert.is((await say('snapshot state.json')).code, 0)
  const snapshot = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8'))
  assert.is(snapshot.jobs[0].id, 'web')
})

cli('a pipe that closes is no failure', async () => {
  await api.ask('POST', '/v1/jobs', webJob())
  const line = 'x'.repeat(1000)
  for (let i = 0; i < 500; i++)
    api.cluster.write({ allocation: 'web.0.00000000', task: 'server' }, line)
  const child = start(['logs', 'web.0.00000000'])
  child.stdout!.once('data', () => child.stdout!.destroy())
  const [code, err] = await Promise.all([
    new Promise((resolve) => child.once('exit', resolve)),
    text(child.stderr!),
  ])
  assert.equal([code, err], [0, ''])
})

cli('where the agent is: options before and after the verb, the environment', async () => {
  const nowhere = { STARLING_API: 'http://127.0.0.1:1' }
  const { code, err } = await say('ps', '', nowhere)
  assert.is(code, 1)
  assert.is(err.trimEnd().split('\n').length, 1)
  assert.match(
    err,
    /no agent at http:\/\/127.0.0.1:1: nothing listens there.*starling agent.*--api/,
  )
  const bare = api.url.replace('http://', '')
  assert.is((await say(`ps --api ${bare}`, '', nowhere)).code, 0)
  assert.is((await say(`--api ${bare} ps`, '', nowhere)).code, 0)
})

cli('a token, where the agent asks for one', async () => {
  const closed = await serve(new MemoryCluster(['n1']), 'n1', {}, 'secret')
  const there = { STARLING_API: closed.url }
  const refused = await say('jobs', '', there)
  assert.is(refused.code, 1)
  assert.match(refused.err, /starling token/)
  assert.is((await say('jobs --token secret', '', there)).code, 0)
  assert.is((await say('jobs', '', { ...there, STARLING_TOKEN: 'secret' })).code, 0)
  await closed.close()
})

cli('a wrong command line is 2, help is 0', async () => {
  const wrong = ['nonsense', 'scale web x', 'scale web', 'run', 'run --id x', 'ps --nope', 'logs']
  const ended = await Promise.all(wrong.map((words) => say(words)))
  for (const [i, { code, err }] of ended.entries()) {
    assert.is(code, 2, wrong[i])
    assert.match(err, /^error: /)
  }
  assert.match((await say('scale web 1.5')).err, /^error: count must be a whole number, not 1.5$/m)
  const address = await say('ps --api :::')
  assert.equal([address.code, address.err.includes('HOST:PORT is expected')], [2, true])
  assert.match((await say('--version')).out, /^[0-9]+\.[0-9]+\.[0-9]+$/m)
  assert.is((await say('--help')).code, 0)
  assert.match((await say('run --help')).out, /--wait/)
})

cli('completion for each shell', async () => {
  const bash = await say('completion bash')
  assert.match(bash.out, /complete .*-F _starling starling/)
  assert.match(bash.out, /drain\) words=".*--off.*"/)
  const lines: [words: string, completed: string][] = [
    ['starling dr', 'drain'],
    ['starling run --wa', '--wait'],
    ['starling --api host:1 ps --js', '--json'],
    ['starling completion b', 'bash'],
    ['starling sim --fr', '--from'],
    ['starling repl', 'replay'],
  ]
  const tries = lines.map(([words]) => {
    const last = words.split(' ').length - 1
    return `COMP_WORDS=(${words}); COMP_CWORD=${last}; _starling; echo "\${COMPREPLY[@]}"`
  })
  const shell = spawn('bash', ['-c', [bash.out, ...tries].join('\n')])
  assert.is(await text(shell.stdout), lines.map(([, completed]) => `${completed}\n`).join(''))
  assert.match((await say('completion zsh')).out, /^#compdef starling/)
  assert.match((await say('completion fish')).out, /-a drain/)
  assert.is((await say('completion powershell')).code, 2)
})

cli('completion knows the options of the simulator, which is another program', async () => {
  const { out } = await say('completion bash')
  for (const [verb, usage] of [
    ['sim', fullUsage],
    ['replay', replayUsage],
  ] as const) {
    const words = new RegExp(`^ +${verb}\\) words="(.*)"`, 'm').exec(out)?.[1]?.split(' ') ?? []
    const completed = words.filter((word) => word.startsWith('--')).sort()
    const documented = usage.match(/^ {2}--[a-z-]+/gm)!.map((flag) => flag.trim())
    assert.equal(completed, [...new Set(documented)].sort())
  }
})

cli.run()
