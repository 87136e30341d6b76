/** Operands that are known only when code behind them has been written: room is left for them, and filled in as often as they change. */
import { I64, OP, type ByteWriter, type WasmType } from './encoding';
import { OpenOperand, type Local } from './expressions';

/** A constant that is set while, or after, code is written that has it: of up to 20 bits, and a sign. */
export class OpenConstant extends OpenOperand {
  private readonly places: ((value: number) => void)[] = [];

  constructor(
    type: WasmType,
    private value: number,
  ) {
    super(type);
  }

  push(code: ByteWriter): void {
    code.byte(this.type === I64 ? OP.i64_const : OP.i32_const);
    const place = code.reserve();
    place(this.value);
    this.places.push(place);
  }

  set(value: number): void {
    this.value = value;
    for (const place of this.places) place(value);
  }
}

/** One of several locals: which, is said while, or after, code is written that reads it. */
export class OpenLocal extends OpenOperand {
  private readonly places: ((value: number) => void)[] = [];

  constructor(private local: Local) {
    super(local.type);
  }

  push(code: ByteWriter): void {
    code.byte(OP.local_get);
    const place = code.reserve();
    place(this.local.index);
    this.places.push(place);
  }

  set(local: Local): void {
    this.local = local;
    for (const place of this.places) place(local.index);
  }
}
