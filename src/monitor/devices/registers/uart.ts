/** Registers of the 16550A (National Semiconductor PC16550D). */
import type { DeviceDescription } from '../description';
import { byte, field } from './build';

/** The registers of a port at `base`. */
export function uartDescription(name: string, base: number): DeviceDescription {
  return {
    title: `Serial port ${name.toUpperCase()} (16550A)`,
    source: 'National Semiconductor PC16550D data sheet',
    blocks: [{
      name: 'registers', space: 'port', base,
      registers: [
        byte('RBR', 'received character', 0, 'special', { readEffect: 'takes the character' }),
        byte('THR', 'character to send', 0, 'write-only'),
        byte('DLL', 'divisor, low byte, with DLAB', 0, 'special'),
        byte('IER', 'interrupt enable', 1, 'read-write', {
          writable: 0x0f,
          fields: [field('ERBFI', 0, 'received data'), field('ETBEI', 1, 'transmitter empty'), field('ELSI', 2, 'line status'), field('EDSSI', 3, 'modem status')],
        }),
        byte('DLM', 'divisor, high byte, with DLAB', 1, 'special'),
        byte('IIR', 'interrupt identification', 2, 'read-only', {
          reset: 0x01, readEffect: 'takes the transmitter\'s interrupt back',
          fields: [field('pending', 0, 'none stands'), field('ID', 1, 'cause', 3, { 0: 'modem status', 1: 'transmitter empty', 2: 'received data', 3: 'line status', 6: 'time-out' }), field('FIFO', 6, 'FIFOs are on', 2)],
        }),
        byte('FCR', 'FIFO control', 2, 'write-only', {
          fields: [field('enable', 0, 'FIFOs are on'), field('RFR', 1, 'empties the receiver'), field('XFR', 2, 'empties the transmitter'), field('trigger', 6, 'receiver level', 2, { 0: '1', 1: '4', 2: '8', 3: '14' })],
        }),
        byte('LCR', 'line control', 3, 'read-write', {
          fields: [field('WLS', 0, 'bits of a character', 2, { 0: '5', 1: '6', 2: '7', 3: '8' }), field('STB', 2, 'two stop bits'), field('PEN', 3, 'parity'), field('EPS', 4, 'even parity'), field('SP', 5, 'stick parity'), field('BC', 6, 'break'), field('DLAB', 7, 'divisor latch instead of data')],
        }),
        byte('MCR', 'modem control', 4, 'read-write', {
          writable: 0x1f,
          fields: [field('DTR', 0, 'data terminal ready'), field('RTS', 1, 'request to send'), field('OUT1', 2, 'output 1'), field('OUT2', 3, 'interrupts reach their line'), field('LOOP', 4, 'loopback')],
        }),
        byte('LSR', 'line status', 5, 'read-only', {
          reset: 0x60, readEffect: 'clears the errors',
          fields: [field('DR', 0, 'a character has come'), field('OE', 1, 'overrun'), field('PE', 2, 'parity error'), field('FE', 3, 'framing error'), field('BI', 4, 'break'), field('THRE', 5, 'takes a character'), field('TEMT', 6, 'all is sent')],
        }),
        byte('MSR', 'modem status', 6, 'read-only', {
          reset: 0xb0, readEffect: 'clears the changes',
          fields: [field('DCTS', 0, 'CTS has changed'), field('DDSR', 1, 'DSR has changed'), field('TERI', 2, 'a ring has ended'), field('DDCD', 3, 'DCD has changed'), field('CTS', 4, 'clear to send'), field('DSR', 5, 'data set ready'), field('RI', 6, 'ring'), field('DCD', 7, 'carrier')],
        }),
        byte('SCR', 'scratch', 7, 'read-write'),
      ],
    }],
  };
}
