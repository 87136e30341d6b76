/** Debian's 64-bit kernel, which has all symbols, types (BTF) and unwind tables (ORC) in memory. */
import assert from 'node:assert/strict';
import { describeKernel } from './debianKernels';

describeKernel({
  flavour: 'amd64', initrd: 'e1000-amd64', cpuModel: 'x86-64-v2', linkedTo: 0xffff_ffff_8100_0000n, writeCall: 1, hasTypes: true, callBytes: '0f05',
}, (linux) => {
  it("evaluates expressions over the kernel's types without symbol files", async () => {
    await linux().pause();
    const value = async (expression: string): Promise<string> => (await linux().client.request('evaluate', { expression, context: 'watch' })).result;
    assert.equal(await value('init_task.pid'), '0');
    assert.equal(await value('init_task.comm'), '"swapper/0"');
    assert.match(await value('$current->comm'), /^"(swapper\/0|sh|kworker.*)"$/);
    assert.equal(await value('((struct task_struct *)$current)->comm'), await value('$current->comm'));
    assert.equal(await value('current_task->pid'), await value('$current->pid'));
    assert.equal(await value('init_uts_ns.name.release'), `"${/^Linux version (\S+)/.exec(await linux().console('linux'))?.[1]}"`);
    assert.equal(await value('(long)&((struct list_head *)0)->prev'), '8');
  });

  it('tells who writes a variable: function and process', async () => {
    const { client } = linux();
    const { dataId } = await client.request('dataBreakpointInfo', { name: 'jiffies' });
    assert.match(dataId ?? '', /^0xffff[0-9a-f]{12}\/8$/);
    const { breakpoints } = await client.request('setDataBreakpoints', { breakpoints: [{ dataId: dataId ?? '', accessType: 'write', condition: 'after == before + 1' }] });
    assert.equal(breakpoints[0].verified, true);
    await linux().goOn();
    const stop = await client.event('stopped');
    assert.equal(stop.reason, 'data breakpoint');
    assert.match(stop.text ?? '', /^jiffies \(.*, 8 bytes\): was \d.*, is \d.*; written by \w+(\+0x\w+)? \(0x\w+\), process .+ \(\d+\)$/);
    await client.request('setDataBreakpoints', { breakpoints: [] });
  });
});
