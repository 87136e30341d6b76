import { busyKernel, ROUNDS } from './monitor/machine/busyKernel';
import { Traveller } from './monitor/machine/timeTraveller';
const t = new Traveller(busyKernel({ }).machine);
const m = new Map<number,number>();
for (let i=0;i<3000;i++){ t.on(1); const a=t.machine.parts.executor.linear(); m.set(a,(m.get(a)??0)+1); }
console.log([...m].sort((a,b)=>b[1]-a[1]).slice(0,20).map(([a,n])=>a.toString(16)+':'+n).join(' '));
