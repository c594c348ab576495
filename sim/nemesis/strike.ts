/**
 * What each fault does to the hosts that it strikes, and how it ends. It returns what undoes it; `effect` is counted
 * from then on: something that would not have happened without the fault.
 */
import { unreachable } from '../../protocol/base/invariant.ts'
import type { Random } from '../../protocol/base/random.ts'
import type { Host } from '../host.ts'
import type { Condition } from '../metrics/metrics.ts'
import { Barrier } from '../network.ts'
import type { FaultShape } from '../scenario/fault-shape.ts'
import {
  countRange,
  durationRangeUs,
  durationUs,
  type Range,
  sharePpm,
} from '../scenario/quantity.ts'
import type { Simulator } from '../simulator.ts'
import { even } from '../workload/distribution.ts'
import { floodHost } from './flood.ts'

export interface Strike {
  readonly simulator: Simulator
  readonly random: Random
  readonly targets: readonly Host[]
  /** Of cuts: everyone else. */
  readonly others: readonly Host[]
  /** Counted by the fault: messages stopped, writes refused, hosts that died. */
  readonly tally: { effect: number }
  after(delayUs: number, run: () => void): void
  /** A promise that the fault itself shows to be broken. */
  complain(violation: string): void
}

/** Ends it; harmless when it has ended already. */
export type Undo = () => void

/** An agent measures its loop, and reads its clock, at least so often. */
const noticeUs = 1_000_000
/** What nobody confirms within seconds has been lost with whoever took it; a minute outlasts any outage. */
const insistingUs = 2_000_000
const insistingTries = 30

export function strike(fault: FaultShape, scene: Strike): Undo {
  switch (fault.fault) {
    case 'kill-agent':
      return each(scene, (host) => killed(scene, host, 'agent'))
    case 'power-off':
      return each(scene, (host) => killed(scene, host, 'machine'))
    case 'restart-agent':
      return each(scene, (host) => asked(scene, host))
    case 'destroy':
      return each(scene, (host) => destroyed(scene, host))
    case 'cut':
      return cut(scene, true, true, 'cut off')
    case 'deafen':
      return cut(scene, fault.direction === 'in', fault.direction === 'out', 'deaf')
    case 'flap':
      return flap(scene, durationRangeUs(fault.down), durationRangeUs(fault.up))
    case 'lose':
      return each(scene, (host) => lossy(scene, host, sharePpm(fault.loss)))
    case 'slow':
      return each(scene, (host) => slow(scene, host, durationRangeUs(fault.delay)))
    case 'fill-disk':
      return each(scene, (host) => filled(scene, host))
    case 'jump-clock':
      return each(scene, (host) => jumped(scene, host, fault.by))
    case 'drain':
      return each(scene, (host) => drained(scene, host))
    case 'add-members':
      return added(scene, even(scene.random, countRange(fault.count)))
    case 'flood':
      return each(scene, (host) => flooded(scene, host, fault.perSecond))
    case 'fail-starts':
      return each(scene, (host) => startsFail(scene, host, sharePpm(fault.share)))
    default:
      return unreachable(fault)
  }
}

function each({ targets }: Strike, act: (host: Host) => Undo): Undo {
  const undos = targets.map(act)
  return () => {
    for (const undo of undos.splice(0)) undo()
  }
}

function killed({ simulator, tally, random }: Strike, host: Host, what: 'agent' | 'machine'): Undo {
  if (!host.isUp) return () => {}
  if (what === 'agent') host.killAgent()
  else host.powerOff()
  tally.effect++
  return () => restart(simulator, host, random)
}

function asked({ simulator, tally, random }: Strike, host: Host): Undo {
  if (!host.isUp) return () => {}
  tally.effect++
  host.receive({ type: 'leave-requested', keepTasks: true })
  return () => {
    if (host.isUp) host.killAgent()
    restart(simulator, host, random)
  }
}

function destroyed({ simulator, tally }: Strike, host: Host): Undo {
  if (host.isDestroyed) return () => {}
  host.powerOff()
  host.isDestroyed = true
  host.disk.destroy()
  simulator.metrics.mark(host.index, 'not there', simulator.nowUs)
  tally.effect++
  return () => {}
}

/** A restarted agent dials some of those that it knew. */
export function restart(simulator: Simulator, host: Host, random: Random): void {
  if (host.isUp || host.isDestroyed) return
  host.start(random.sample([...simulator.hosts], 3))
}

function mark({ simulator }: Strike, hosts: readonly Host[], condition: Condition): void {
  for (const host of hosts)
    if (host.isUp) simulator.metrics.mark(host.index, condition, simulator.nowUs)
}

function cut(scene: Strike, hears: boolean, isHeard: boolean, condition: Condition): Undo {
  const { simulator, targets, others, tally } = scene
  const { network, links, metrics } = simulator
  const inside = new Set(targets.map((host) => host.index))
  const outside = new Set(others.map((host) => host.index).filter((index) => !inside.has(index)))
  const barriers: Barrier[] = []
  if (hears) barriers.push(new Barrier(outside, inside))
  if (isHeard) barriers.push(new Barrier(inside, outside))
  for (const barrier of barriers) network.raise(barrier)
  links.silenceBroken(targets)
  mark(scene, targets, condition)
  return () => {
    for (const barrier of barriers.splice(0)) {
      network.lower(barrier)
      tally.effect += barrier.blocked
    }
    metrics.deaths.healedUs = simulator.nowUs
    mark(scene, targets, 'up')
  }
}

function flap(scene: Strike, down: Range, up: Range): Undo {
  let isOver = false
  let heal: Undo = () => {}
  const fall = () => {
    if (isOver) return
    heal = cut(scene, true, true, 'cut off')
    scene.after(even(scene.random, down), () => {
      heal()
      scene.after(even(scene.random, up), fall)
    })
  }
  fall()
  return () => {
    isOver = true
    heal()
  }
}

function lossy(scene: Strike, host: Host, ppm: number): Undo {
  const { network } = scene.simulator
  const before = network.counts.lostByFault
  network.setLoss(host.index, ppm)
  mark(scene, [host], 'lossy')
  return () => {
    network.setLoss(host.index, undefined)
    scene.tally.effect += network.counts.lostByFault - before
    mark(scene, [host], 'up')
  }
}

/** Its agent is told that its loop is late, as a real one would notice by itself (Lifeguard). */
function slow(scene: Strike, host: Host, delay: Range): Undo {
  const { network } = scene.simulator
  const before = network.counts.lagged
  let isOver = false
  network.setLag(host.index, delay)
  mark(scene, [host], 'slow')
  const notice = () => {
    if (isOver) return
    const delayMs = Math.floor(even(scene.random, delay) / 1000)
    host.receive({ type: 'loop-delayed', delayMs })
    scene.after(noticeUs, notice)
  }
  notice()
  return () => {
    isOver = true
    network.setLag(host.index, undefined)
    scene.tally.effect += network.counts.lagged - before
    mark(scene, [host], 'up')
  }
}

function filled(scene: Strike, host: Host): Undo {
  host.disk.isFull = true
  mark(scene, [host], 'disk full')
  const before = host.disk.counts.failed
  return () => {
    host.disk.isFull = false
    scene.tally.effect += host.disk.counts.failed - before
    mark(scene, [host], 'up')
  }
}

/** Set back, a clock runs slower instead of going back; forward, it is there at once. */
function jumped(scene: Strike, host: Host, by: string): Undo {
  const { nowUs } = scene.simulator
  const isBack = by.startsWith('-')
  const us = durationUs(isBack ? by.slice(1) : by)
  const before = host.clock.nowMs(nowUs)
  const { slowedReadings } = host.clock.counts
  host.jumpClock(isBack ? -us : us)
  mark(scene, [host], 'clock off')
  scene.after(noticeUs, () => {
    const { counts } = host.clock
    const isSlowed = counts.slowedReadings > slowedReadings
    const passedMs = host.clock.nowMs(scene.simulator.nowUs) - before
    if (isBack ? isSlowed : passedMs > noticeUs / 1000 + 1) scene.tally.effect++
  })
  return () => {}
}

function drained(scene: Strike, host: Host): Undo {
  askToDrain(scene.simulator, host, true, () => scene.tally.effect++)
  mark(scene, [host], 'drained')
  return () => {
    insistOnUse(scene.simulator, host, insistingTries)
    mark(scene, [host], 'up')
  }
}

/** Of the host itself, or where it is down of another. */
function askToDrain(simulator: Simulator, host: Host, draining: boolean, onDone: () => void): void {
  const command = { type: 'drain-node', member: host.id, draining, copies: null } as const
  const asked = host.isUp ? host : simulator.hosts.find((other) => other.isUp)
  asked?.request(command, (reply) => {
    if (reply.ok) onDone()
  })
}

/** As a person does: who is asked may be dead before it answers, and then a host would be drained for ever. */
function insistOnUse(simulator: Simulator, host: Host, tries: number): void {
  let isDone = false
  askToDrain(simulator, host, false, () => {
    isDone = true
  })
  if (tries > 1)
    simulator.schedule(insistingUs, 'fault', { destination: -1, source: -1 }, () => {
      if (!isDone) insistOnUse(simulator, host, tries - 1)
    })
}

function added({ simulator, tally, random }: Strike, count: number): Undo {
  const known = simulator.up()
  for (let i = 0; i < count; i++) {
    const host = simulator.addHost()
    // As one would be told to join: a single one may be gone before it answers.
    host.start(random.sample([...known], 3))
    tally.effect++
  }
  return () => {}
}

function flooded(scene: Strike, host: Host, perSecond: number): Undo {
  mark(scene, [host], 'flooded')
  const stop = floodHost(scene, host, perSecond)
  return () => {
    scene.tally.effect += stop()
    mark(scene, [host], 'up')
  }
}

function startsFail(scene: Strike, host: Host, ppm: number): Undo {
  const { runtime } = host
  runtime.refusedPpm = ppm
  const before = runtime.counts.refused
  return () => {
    runtime.refusedPpm = 0
    scene.tally.effect += runtime.counts.refused - before
  }
}
