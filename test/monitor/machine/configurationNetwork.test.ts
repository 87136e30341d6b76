/** The launch configuration's field `network`. */
import assert from 'node:assert/strict';
import { problemText, validateConfiguration } from '../../../src/monitor/machine/configuration';
import type { NetworkSetting } from '../../../src/monitor/machine/configurationNetwork';

function read(network: unknown): NetworkSetting | string {
  const validation = validateConfiguration({ floppy: 'boot.img', network }, { front: 'editor', resolvePath: (file) => `/at/${file}` });
  return 'problems' in validation ? validation.problems.map(problemText).join('\n') : validation.configuration.network;
}

const DEFAULTS = { card: 'e1000', mac: '52:54:00:12:34:56', forwards: [], restrict: false };

describe('the field network', () => {
  it('is none, the user network, or says what is different in it', () => {
    assert.equal(read('none'), 'none');
    assert.deepEqual(read('user'), DEFAULTS);
    assert.deepEqual(read({}), DEFAULTS);
    assert.deepEqual(read({ card: 'virtio', mac: '52:54:00:AB:cd:01', restrict: true, capture: 'f.pcap', tftp: 'folder', bootFile: 'x.0', hostname: 'guest-1', domain: 'a.example' }), {
      ...DEFAULTS, card: 'virtio', mac: '52:54:00:ab:cd:01', restrict: true, capture: '/at/f.pcap', tftp: '/at/folder', bootFile: 'x.0', hostname: 'guest-1', domain: 'a.example',
    });
  });

  it('takes forwarded ports as text and as objects; they listen on the loopback interface unless an address is given', () => {
    const forward = { protocol: 'tcp', address: '127.0.0.1', guestAddress: '10.0.2.15' };
    const forwards = ['8080:80', 'udp:5353:53', '192.168.1.5:8081:80', { host: 0, guest: 22, guestAddress: '10.0.2.16' }];
    assert.deepEqual(read({ forwards }), {
      ...DEFAULTS,
      forwards: [
        { ...forward, host: 8080, guest: 80 }, { ...forward, protocol: 'udp', host: 5353, guest: 53 },
        { ...forward, address: '192.168.1.5', host: 8081, guest: 80 }, { ...forward, host: 0, guest: 22, guestAddress: '10.0.2.16' },
      ],
    });
  });

  it('takes an expansion ROM for an e1000', () => {
    assert.deepEqual(read({ rom: 'pxe-e1000.rom' }), { ...DEFAULTS, rom: '/at/pxe-e1000.rom' });
  });

  const refusals: readonly (readonly [unknown, RegExp])[] = [
    [{ card: 'virtio', rom: 'pxe-virtio.rom' }, /"rom" is for an e1000, and a virtio card has none; take "rom" out, or set "card" to "e1000"/],
    ['users', /network: 'users' is not known; did you mean "user"\?/],
    [5, /network: 5 is not known; write "none", "user" or/],
    [{ forward: [] }, /'forward' is not known in it; did you mean "forwards"\?/],
    [{ card: 'ne2000' }, /"card": 'ne2000' is not known; did you mean "e1000"\?/],
    [{ mac: '01:00:5e:00:00:01' }, /"mac": .* is no address of a network card/],
    [{ forwards: ['80'] }, /"forwards": entry 1: '80' is no forwarded port; write "8080:80"/],
    [{ forwards: ['8080:80', '70000:80'] }, /"forwards": entry 2: "host": 70000 is not possible/],
    [{ forwards: ['8080:0'] }, /"guest": 0 is not possible/],
    [{ forwards: ['999.1.1.1:1:1'] }, /"address": '999.1.1.1' is no IPv4 address/],
    [{ forwards: [{ host: 80 }] }, /entry 1: it has no "guest"/],
    [{ forwards: [{ host: 80, guest: 80, guestAddress: '10.0.2.2' }] }, /"guestAddress": '10.0.2.2' is no address of the guest's network/],
    [{ forwards: ['8080:80', '8080:81'] }, /port 8080 is there twice/],
    [{ restrict: 'yes' }, /"restrict": 'yes' is neither true nor false/],
    [{ bootFile: 'x' }, /"bootFile" needs a place to load it from; add "tftp"/],
    [{ hostname: 'a b' }, /"hostname": 'a b' is no host name/],
  ];
  for (const [written, words] of refusals) it(`refuses ${JSON.stringify(written)}`, () => assert.match(String(read(written)), words));
});
