/** The registers of the 8042 described, and what keyboard and mouse keep of their settings. */
import type { DeviceDescription } from './description';

export const KEYBOARD_DESCRIPTION: DeviceDescription = {
  title: '8042 keyboard controller with keyboard and mouse',
  source: 'IBM PS/2 technical reference, keyboard and auxiliary device controller',
  blocks: [
    {
      name: 'ports', space: 'port', base: 0x60,
      registers: [
        { name: 'DATA', title: 'output buffer, and bytes for keyboard and controller', at: 0, bytes: 1, access: 'special', readEffect: 'empties the output buffer' },
        {
          name: 'STATUS', title: 'status', at: 4, bytes: 1, access: 'read-only', reset: 0x10,
          fields: [
            { name: 'OBF', low: 0, meaning: 'output buffer full' }, { name: 'IBF', low: 1, meaning: 'input buffer full' },
            { name: 'SYS', low: 2, meaning: 'self-test passed' }, { name: 'CMD', low: 3, meaning: 'last write was a command' },
            { name: 'KEYL', low: 4, meaning: 'keyboard not locked' }, { name: 'AUX', low: 5, meaning: 'the byte is the mouse\'s' },
            { name: 'TO', low: 6, meaning: 'time-out' }, { name: 'PERR', low: 7, meaning: 'parity error' },
          ],
        },
        { name: 'COMMAND', title: 'controller command', at: 4, bytes: 1, access: 'write-only' },
        {
          name: 'PORT92', title: 'system control port A', at: 0x32, bytes: 1, access: 'special', reset: 0x02,
          fields: [{ name: 'RESET', low: 0, meaning: 'resets the processor when it rises' }, { name: 'A20', low: 1, meaning: 'address line 20 open' }],
        },
      ],
    },
    {
      name: 'controller RAM', space: 'index', base: 0,
      registers: [{
        name: 'COMMAND', title: 'command byte', at: 0, bytes: 1, access: 'special', reset: 0x43,
        fields: [
          { name: 'KIE', low: 0, meaning: 'keyboard interrupt on' }, { name: 'MIE', low: 1, meaning: 'mouse interrupt on' },
          { name: 'SYS', low: 2, meaning: 'self-test passed' }, { name: 'KOFF', low: 4, meaning: 'keyboard cable off' },
          { name: 'MOFF', low: 5, meaning: 'mouse cable off' }, { name: 'XLAT', low: 6, meaning: 'codes translated to set 1' },
        ],
      }],
    },
    {
      name: 'keyboard', space: 'index', base: 0,
      registers: [
        {
          name: 'LEDS', title: 'lights', at: 0, bytes: 1, access: 'special',
          fields: [{ name: 'SCROLL', low: 0, meaning: 'Scroll Lock' }, { name: 'NUM', low: 1, meaning: 'Num Lock' }, { name: 'CAPS', low: 2, meaning: 'Caps Lock' }],
        },
        {
          name: 'TYPEMATIC', title: 'repeat rate and delay', at: 1, bytes: 1, access: 'special', reset: 0x2b,
          fields: [{ name: 'RATE', low: 0, bits: 5, meaning: 'from 30 to 2 a second' }, { name: 'DELAY', low: 5, bits: 2, meaning: 'in 250 ms, less 1' }],
        },
        { name: 'SET', title: 'scan code set', at: 2, bytes: 1, access: 'special', reset: 2 },
      ],
    },
    {
      name: 'mouse', space: 'index', base: 0,
      registers: [
        { name: 'ID', title: 'identity', at: 0, bytes: 1, access: 'special', fields: [{ name: 'ID', low: 0, bits: 8, meaning: 'kind of mouse', values: { 0: 'three buttons', 3: 'wheel', 4: 'wheel, five buttons' } }] },
        { name: 'RATE', title: 'samples a second', at: 1, bytes: 1, access: 'special', reset: 100 },
        { name: 'RESOLUTION', title: 'resolution', at: 2, bytes: 1, access: 'special', reset: 2 },
        {
          name: 'BUTTONS', title: 'buttons that are down', at: 3, bytes: 1, access: 'special',
          fields: [
            { name: 'LEFT', low: 0, meaning: 'left' }, { name: 'RIGHT', low: 1, meaning: 'right' }, { name: 'MIDDLE', low: 2, meaning: 'middle' },
            { name: 'BACK', low: 3, meaning: 'fourth' }, { name: 'FORWARD', low: 4, meaning: 'fifth' },
          ],
        },
      ],
    },
  ],
};
