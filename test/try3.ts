import path from 'node:path';
import { GUESTS, boot } from './guests/harness';
const DEBIAN = path.join(GUESTS, 'debian-i386');
const memory = process.argv[4] ?? '256M';
const LINUX = { kernel: path.join(DEBIAN, 'linux'), initrd: path.join(DEBIAN, 'initrd.gz'), cmdline: 'console=ttyS0,115200', memory, engine: process.argv[3] ?? 'auto' };
const TO = Number(process.argv[2] ?? 300) * 1e6;
async function main() {
  const g = await boot(LINUX); g.patience = 1e9;
  const m = g.machine;
  let t0 = performance.now();
  const on = process.argv[5] !== 'off';
  if (on) m.remember();
  console.log('first capture ms', (performance.now()-t0).toFixed(2));
  let since = performance.now(); let caps: number[] = []; let interval=100;
  const start = performance.now();
  const refs = new Map<number,string>();
  const marks = [10e6, 77_777_777, 150e6, 222_222_223, 299e6].filter((x)=>x<TO); let hashTime=0;
  const run = (end: number) => {
    m.resume({kind:'instructions', count: end - m.summary().retired});
    for(;;){ const o = m.runSlice(1_000_000); for (const p of m.takeOutput()) { if (p.channel==='com1') g.serial += Buffer.from(p.bytes).toString('latin1'); }
      if (on && performance.now()-since > interval) { const a = performance.now(); m.remember(); since = performance.now(); caps.push(since-a); interval = Math.min(1000, Math.max(100, (since-a)*40)); }
      if (typeof o === 'string') continue; if ('reason' in o) return o; m.warp(o.idleCycles); }
  };
  for (const x of [...marks, TO]) { run(x); const a=performance.now(); refs.set(x, m.hash()); hashTime+=performance.now()-a; since += performance.now()-a; }
  const total = performance.now()-start-hashTime;
  const s = [...caps].sort((a,b)=>a-b);
  console.log('run ms', total.toFixed(0), 'captures', caps.length, 'median', s[s.length>>1]?.toFixed(2), 'max', s.at(-1)?.toFixed(2), 'sum', caps.reduce((a,b)=>a+b,0).toFixed(0), 'bytes MiB', (m.timeline().bytes/2**20).toFixed(1), 'moments', m.timeline().moments.length, 'frames MiB', m.summary().frames/256);
  if (!on) return;
  const out0 = g.serial.length;
  const go = (what: () => void) => { const a = performance.now(); what(); let first = performance.now()-a; for(;;){ const o=m.runSlice(1_000_000); for (const p of m.takeOutput()) g.serial += Buffer.from(p.bytes).toString('latin1'); if (typeof o==='string') continue; if ('reason' in o) break; } return [performance.now()-a, first]; };
  for (let i=0;i<6;i++) { const [all, first] = go(()=>m.stepBack()); console.log('stepBack ms', all.toFixed(1), 'restore part', first.toFixed(1), m.summary().retired); if (process.argv[6]) m.remember(); }
  for (const x of [...refs.keys()].reverse()) { const [all, first] = go(()=>m.travel(x)); const ok = m.hash()===refs.get(x); console.log('travel to', x, 'ms', all.toFixed(0), 'restore', first.toFixed(1), ok ? 'SAME' : 'DIFFERENT'); }
  const [all, first] = go(()=>m.travel(TO)); console.log('travel to end', all.toFixed(0), first.toFixed(1), m.hash()===refs.get(TO) ? 'SAME':'DIFFERENT', 'extra output', g.serial.length-out0);
}
void main();
