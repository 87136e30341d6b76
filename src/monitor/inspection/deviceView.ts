/** A device as the outside sees it: its state, and its registers by its own description, with their present values. */
import type { Device } from '../devices/device';
import type { DeviceRegisters, DeviceView, RegisterFieldView, RegisterView } from './queries';

type RegisterDescription = NonNullable<Device['description']>['blocks'][number]['registers'][number];
type FieldDescription = NonNullable<RegisterDescription['fields']>[number];

function fieldView({ name, low, bits = 1, meaning, values }: FieldDescription, register: number | undefined): RegisterFieldView {
  if (register === undefined) return { name, low, bits, meaning };
  const value = Math.floor(register / 2 ** low) % 2 ** bits;
  const word = values?.[value];
  return { name, low, bits, meaning, value, ...(word === undefined ? {} : { word }) };
}

function registerView({ name, title, at, bytes, access, fields = [] }: RegisterDescription, value: number | undefined): RegisterView {
  return { name, title, at, bytes, access, ...(value === undefined ? {} : { value }), fields: fields.map((field) => fieldView(field, value)) };
}

function registersOf(device: Device): DeviceRegisters | undefined {
  const { description } = device;
  if (description === undefined) return undefined;
  const blocks = description.blocks.map(({ name, space, base, registers }) => ({
    name, space, base, registers: registers.map((register) => registerView(register, device.peek?.(name, register.name))),
  }));
  return { title: description.title, source: description.source, blocks };
}

/** Looks at a device without any effect on it. */
export function deviceView(device: Device): DeviceView {
  const registers = registersOf(device);
  return { name: device.name, state: device.state, ...(registers === undefined ? {} : { registers }) };
}
