import { introduce, until, bytes, member } from './members.ts'
const N = Number(process.argv[2] ?? 5)
const ms = []
for (let i=1;i<=N;i++) ms.push(await member(i))
introduce(...ms)
const t0=Date.now()
for (const m of ms) m.network.keepLinks(ms.map(x=>x.id))
await until('mesh',()=>ms.every(m=>m.network.counters().links===N-1), 60000)
console.log('mesh in', Date.now()-t0, 'ms')
await until('gossip', ()=>{ ms[0]!.network.publish(bytes('warm'+Date.now())); return ms.every((m,i)=>i===0||m.gossip.length>0)}, 30000)
console.log('gossip reaches all', Date.now()-t0, 'ms')
await new Promise(r=>setTimeout(r,2000))
for (const m of ms) m.gossip.length=0
const K=500; const c0=process.cpuUsage(), t1=performance.now(); const lat:number[]=[]
for (let k=0;k<K;k++){ const s=ms[k%N]!; const payload=new Uint8Array(300); payload.set(bytes('n'+k+'-'+Math.random())); s.network.publish(payload); await new Promise(r=>setTimeout(r,10)) }
await until('all', ()=>ms.reduce((a,m)=>a+m.gossip.length,0)===K*(N-1), 10000).catch(e=>console.log(String(e), ms.reduce((a,m)=>a+m.gossip.length,0), K*(N-1)))
const c=process.cpuUsage(c0)
console.log('cpu us per message and member', Math.round((c.user+c.system)/K/N), 'rate', Math.round(K/(performance.now()-t1)*1000))
for (const m of ms) if (Object.keys(m.network.counters().dropped).length) console.log(m.network.counters().dropped)
const idle=Number(process.argv[3]??0)
if (idle) { const c0=process.cpuUsage(); await new Promise(r=>setTimeout(r,idle*1000)); const c=process.cpuUsage(c0); console.log('idle: % of a core per member', ((c.user+c.system)/1e4/idle/N).toFixed(3), 'rss', Math.round(process.memoryUsage.rss()/2**20)) }
const t2=Date.now(); await Promise.all(ms.map(m=>m.network.stop())); console.log('stopped in', Date.now()-t2)
