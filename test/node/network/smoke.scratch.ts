import { member, introduce, until, bytes, hostPort } from '/work/main/test/node/network/members.ts'
const t0=Date.now(); const log=(...a:unknown[])=>console.log(Date.now()-t0,...a)
const a = await member(1); log('a up', a.network.addresses())
const b = await member(2, {join:[hostPort(a)]}); log('b up')
await until('link',()=>a.network.isLinked(b.id)&&b.network.isLinked(a.id)); log('linked')
a.network.send(b.id, bytes('hi')); b.network.send(a.id, bytes('ho'))
await until('msgs',()=>a.received.length===1&&b.received.length===1); log(a.received,b.received)
await until('gossip peers', ()=>{a.network.publish(bytes('g'+Date.now())); return b.gossip.length>0}); log('gossip')
log(a.network.counters())
// rtt
const n=3000
let done:()=>void=()=>{}
await a.network.stop(); log('a stopped'); await until('closed',()=>b.closed.length===1); log('b sees'); await b.network.stop(); log('b stopped', b.network.counters())
