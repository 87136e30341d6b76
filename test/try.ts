import { busyKernel, ROUNDS } from './monitor/machine/busyKernel';
import { Traveller } from './monitor/machine/timeTraveller';
for (const engine of ['interpreter','translator','translate-all','translate-again']) {
  const t = new Traveller(busyKernel({ engine }).machine);
  t.time.remember();
  const start = t.retired;
  const refs: [number,string][] = [];
  for (let i=0;i<30;i++) { const h = t.on(700+i*13); refs.push([t.retired,h]); if (i%5===0) t.time.remember(); }
  console.log(engine, 'rounds', t.machine.parts.map.read(ROUNDS,4), t.retired, t.machine.time, JSON.stringify(t.time.view().bytes));
  let bad=0;
  for (let i=29;i>=0;i-=1) { const h=t.travel(refs[i][0]); if (h!==refs[i][1] || t.retired!==refs[i][0]) {bad++; console.log('differs', i, t.retired, refs[i][0]);} }
  for (let i=0;i<30;i+=7) { const h=t.travel(refs[i][0]); if (h!==refs[i][1]) {bad++;} }
  console.log('bad', bad);
  // steps
  let b2=0;
  for (let i=0;i<200;i++) { const h0=t.hash; const r0=t.retired; const p0=JSON.stringify(t.machine.position); t.step(); const r1=t.retired; const h1=t.stepBack(); if (h1!==h0) { b2++; console.log(r0, r1, t.retired, p0, JSON.stringify(t.machine.position)); if (b2>3) break; } t.step(); }
  console.log('step identity bad', b2);
}
