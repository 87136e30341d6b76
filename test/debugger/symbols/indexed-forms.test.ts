// The forms of DWARF 5 that GCC does not write but other compilers do: strings, addresses and lists by index.

import assert from "node:assert/strict";
import type { SymbolTable } from "../../../debugger/symbols";
import { needCompiler, needTools, Workshop } from "./toolchain";

/** Two functions, one of them in two parts, described by hand as clang describes them. */
const SOURCE = `
        .text
        .globl _start
_start: nop
        nop
split:  nop
        ret
        .space 12
cold:   nop
        ret
        .data
thing:  .long 77

        .section .debug_abbrev,"",@progbits
        .uleb128 1, 0x11                        # compile unit with children
        .byte 1
        .uleb128 0x03, 0x25                     # name: strx1
        .uleb128 0x72, 0x17                     # str_offsets_base
        .uleb128 0x73, 0x17                     # addr_base
        .uleb128 0x74, 0x17                     # rnglists_base
        .uleb128 0x8c, 0x17                     # loclists_base
        .uleb128 0x55, 0x23                     # ranges: rnglistx
        .uleb128 0, 0
        .uleb128 2, 0x2e                        # subprogram, low_pc addrx, high_pc data4
        .byte 0
        .uleb128 0x03, 0x1a, 0x11, 0x1b, 0x12, 0x06, 0, 0
        .uleb128 3, 0x2e                        # subprogram with ranges and children
        .byte 1
        .uleb128 0x03, 0x26, 0x55, 0x23, 0, 0
        .uleb128 4, 0x34                        # variable with a location list, type
        .byte 0
        .uleb128 0x03, 0x27, 0x02, 0x22, 0x49, 0x13, 0, 0
        .uleb128 5, 0x24                        # base type; its size is an implicit constant
        .byte 0
        .uleb128 0x03, 0x28, 0x3e, 0x0b, 0x0b, 0x21
        .sleb128 4
        .uleb128 0, 0
        .uleb128 6, 0x34                        # variable at an indexed address; its name is indirect
        .byte 0
        .uleb128 0x03, 0x16, 0x02, 0x18, 0x49, 0x13, 0, 0
        .byte 0

        .section .debug_info,"",@progbits
unit:   .long unit_end - unit_body
unit_body:
        .short 5
        .byte 1, 8
        .long 0
        .uleb128 1
        .byte 0                                 # strx1 0
        .long offsets_base, addresses_base, ranges_base, locations_base
        .uleb128 0                              # rnglistx 0
        .uleb128 2, 1, 0                        # _start: strx 1, addrx 0
        .long 2
        .uleb128 3
        .short 2                                # split: strx2 2
        .uleb128 1
        .uleb128 4
        .byte 3, 0, 0                           # local: strx3 3
        .uleb128 0                              # loclistx 0
        .long type - unit
        .byte 0
type:   .uleb128 5
        .long 4                                 # int: strx4 4
        .byte 5
        .uleb128 6, 0x1a, 5                     # thing: indirect, strx 5
        .byte 2, 0xa1, 3                        # addrx 3
        .long type - unit
        .byte 0
unit_end:

        .section .debug_str,"MS",@progbits,1
s0:     .asciz "hand.c"
s1:     .asciz "_start"
s2:     .asciz "split"
s3:     .asciz "local"
s4:     .asciz "int"
s5:     .asciz "thing"

        .section .debug_str_offsets,"",@progbits
        .long offsets_end - 1f
1:      .short 5, 0
offsets_base:
        .long s0, s1, s2, s3, s4, s5
offsets_end:

        .section .debug_addr,"",@progbits
        .long addresses_end - 1f
1:      .short 5
        .byte 8, 0
addresses_base:
        .quad _start, split, cold, thing
addresses_end:

        .section .debug_rnglists,"",@progbits
        .long ranges_end - 1f
1:      .short 5
        .byte 8, 0
        .long 2
ranges_base:
        .long range0 - ranges_base, range1 - ranges_base
range0: .byte 3                                 # startx_length
        .uleb128 0, 18
        .byte 0
range1: .byte 1                                 # base_addressx split
        .uleb128 1
        .byte 4                                 # offset_pair
        .uleb128 0, 2
        .byte 2                                 # startx_endx: empty
        .uleb128 2, 2
        .byte 7                                 # start_length
        .quad cold
        .uleb128 2
        .byte 5                                 # base_address, unused
        .quad 0
        .byte 0
ranges_end:

        .section .debug_loclists,"",@progbits
        .long locations_end - 1f
1:      .short 5
        .byte 8, 0
        .long 1
locations_base:
        .long list0 - locations_base
list0:  .byte 1                                 # base_addressx split
        .uleb128 1
        .byte 4                                 # offset_pair: rcx in the first byte
        .uleb128 0, 1, 1
        .byte 0x52
        .byte 3                                 # startx_length: rdx in the cold part's first byte
        .uleb128 2, 1, 1
        .byte 0x51
        .byte 5                                 # default_location: the value 9
        .uleb128 2
        .byte 0x39, 0x9f
        .byte 0
locations_end:
`;

describe("DWARF 5 by index", () => {
  const shop = new Workshop();
  let table: SymbolTable;
  const frame = { readRegister: () => 0n, readMemory: () => undefined };
  before(function () {
    needCompiler(this, "-m64");
    needTools(this, "as", "ld");
    shop.write("hand.s", SOURCE);
    shop.run("as", "--64", "hand.s", "-o", "hand.o");
    shop.run("ld", "hand.o", "-o", "hand");
    table = shop.load(`${shop.folder}/hand`);
  });
  after(() => shop.remove());

  it("reads names and addresses", () => {
    const start = table.symbolsNamed("_start")[0].address;
    const fn = table.functionAt(start + 1n);
    assert.deepEqual([fn?.name, fn?.origin, fn?.start, fn?.end], ["_start", "dwarf", start, start + 2n]);
  });

  it("reads ranges: a function in two parts", () => {
    const start = table.symbolsNamed("split")[0].address;
    const cold = table.symbolsNamed("cold")[0].address;
    const fn = table.functionAt(cold);
    assert.deepEqual([fn?.name, fn?.start, fn?.end], ["split", start, start + 2n]);
    assert.deepEqual(fn?.ranges, [{ start, end: start + 2n }, { start: cold, end: cold + 2n }]);
    assert.equal(table.functionsNamed("split").length, 1);
  });

  it("reads location lists", () => {
    const start = table.symbolsNamed("split")[0].address;
    const cold = table.symbolsNamed("cold")[0].address;
    const at = (pc: bigint): unknown => {
      const [local] = table.scopesAt(pc)[0].blocks[0].variables;
      assert.deepEqual([local.name, local.type.kind], ["local", "base"]);
      return table.locate(local, { ...frame, pc });
    };
    assert.deepEqual(at(start), { kind: "register", register: 2 });
    assert.deepEqual(at(cold), { kind: "register", register: 1 });
    assert.deepEqual(at(start + 1n), { kind: "value", bytes: Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0]) });
  });

  it("reads a global through an indirect form, and a type's implicit constant", () => {
    const [thing] = table.globals();
    assert.equal(thing.name, "thing");
    assert.deepEqual(table.locate(thing, { ...frame, pc: 0n }), { kind: "memory", address: table.symbolsNamed("thing")[0].address });
    const type = table.typeNamed("int");
    assert.deepEqual(type, { kind: "base", name: "int", size: 4, encoding: 5 });
  });
});
