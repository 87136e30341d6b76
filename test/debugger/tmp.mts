import { DapClient } from './client';
const c = DapClient.start(process.execPath, ['--import', 'tsx', 'src/cli/adapter-main.ts'], { timeout: 20000 });
try {
  const src = '/work/main/samples/paging-lab/main.c';
  await c.launch({ multiboot: 'samples/paging-lab/paging-lab.elf', memory: '128M', serial: 'terminal', sourceMap: { '/shadowbox/samples': '/work/main/samples' } }, async () => {
    console.log(JSON.stringify(await c.request('setFunctionBreakpoints', { breakpoints: [{ name: 'kernel_main' }, {name: 'copy_on_write'}] })));
  });
  console.log((await c.stopped('entry')).frame);
  await c.request('continue');
  const { frame, stop } = await c.stopped(); console.log(stop, frame);
  console.log(await c.request('threads'));
  for (const s of (await c.request('scopes', { frameId: frame.id })).scopes) { const v = (await c.request('variables', { variablesReference: s.variablesReference })).variables; console.log(s.name, v.map(x => `${x.name}=${x.value}`).join(' | ').slice(0, 400)); }
  for (let i = 0; i < 3; i++) { await c.request('next'); const x = await c.stopped(); console.log(x.stop.reason, x.frame.name, x.frame.line); }
  await c.request('stepIn'); let x = await c.stopped(); console.log(x.stop.reason, x.frame.name, x.frame.line, x.frame.source?.name);
  await c.request('stepOut'); x = await c.stopped(); console.log(x.stop.reason, x.frame.name, x.frame.line);
  await c.request('continue'); x = await c.stopped(); console.log(x.stop, x.frame.name, x.frame.line);
  console.log((await c.request('stackTrace', {})).stackFrames.map(f => `${f.name}:${f.line}`));
  console.log((await c.request('shadowbox.addressSpaces')).spaces.length);
  console.log((await c.request('evaluate', { expression: 'regs', context: 'repl' })).result);
  console.log((await c.request('evaluate', { expression: 'counters', context: 'repl' })).result);
} catch (e) { console.log(String(e), c.stderr.slice(0, 2000)); }
console.log(c.unreadEvents('output').map(e => JSON.stringify(e.body)).slice(0, 5));
await c.close();
