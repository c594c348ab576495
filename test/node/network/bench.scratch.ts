import { introduce, until, bytes, clusterKey, keyOf } from './members.ts'
import { createNetwork } from '../../../node/network/network.ts'
const book = new Map<string,string[]>()
async function mk(seed:number, onMessage:(from:string,b:Uint8Array)=>void){
  const n = createNetwork({privateKey: await keyOf(seed), clusterKey, cluster:'t', cell:'main', listen:{host:'127.0.0.1',port:0}, join:[], handlers:{
    onMessage, onGossip(){}, onLinkOpened(){}, onLinkClosed(){}, onStream(){}, addressesOf:(m)=>book.get(m)??[] }})
  await n.start(); book.set(n.self,n.addresses()); return n
}
const B = await mk(2,(from,b)=>{ B.send(from,b) })
let onReply=()=>{}
const A = await mk(1,()=>onReply())
A.keepLinks([B.self])
await until('l',()=>A.isLinked(B.self)&&B.isLinked(A.self))
const m = new Uint8Array(300)
async function run(label:string,n:number,w:number){
  let left=n, out=n
  const c0=process.cpuUsage(), t0=performance.now()
  await new Promise<void>(r=>{ onReply=()=>{ if(--left===0) r(); else if(out>0){out--;A.send(B.self,m)} }; for(let i=0;i<w;i++){out--;A.send(B.self,m)} })
  const t=performance.now()-t0, c=process.cpuUsage(c0)
  console.log(label, Math.round(n/t*1000)+'/s', 'cpu/msg hop us', Math.round((c.user+c.system)/n/2))
}
await run('warm',3000,1); await run('seq',6000,1); await run('16',20000,16); await run('64',40000,64); await run('seq',6000,1)
await A.stop(); await B.stop()
