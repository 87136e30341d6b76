; A Multiboot guest that tries everything that several CPUs do together. It writes a line for each trial to port E9, values
; in hexadecimal, and ends through isa-debug-exit. Lines that begin with # are those in which QEMU may differ.
; nasm -f bin -o processors.bin processors.asm

BASE            equ 0x100000
TRAMPOLINE      equ 0x8000              ; page 08: to protected mode
LONG_TRAMPOLINE equ 0x9000              ; page 09: to long mode
AREAS           equ 0x200000            ; 16 KiB for each CPU: its variables from below, its stack from above
AREA_BYTES      equ 0x4000
DIRECTORY       equ 0x300000            ; 32-bit paging
TABLE           equ 0x301000
PML4            equ 0x302000            ; 4-level paging
POINTERS        equ 0x303000
DIRECTORIES     equ 0x304000            ; four
FRAME_A         equ 0x310000
FRAME_B         equ 0x311000
PRIVATE_CODE    equ 0x320000            ; a page for each CPU
WINDOW          equ 0x40000000          ; linear page that is mapped here and there

APIC            equ 0xfee00000
APIC_ID         equ APIC + 0x20
TPR             equ APIC + 0x80
EOI             equ APIC + 0xb0
LDR             equ APIC + 0xd0
DFR             equ APIC + 0xe0
SVR             equ APIC + 0xf0
ICR_LOW         equ APIC + 0x300
ICR_HIGH        equ APIC + 0x310
LVT_TIMER       equ APIC + 0x320
LVT_LINT0       equ APIC + 0x350
TIMER_INITIAL   equ APIC + 0x380
TIMER_CURRENT   equ APIC + 0x390
TIMER_DIVIDE    equ APIC + 0x3e0
IOAPIC          equ 0xfec00000

MSR_APIC_BASE   equ 0x1b
MSR_SYSENTER_EIP equ 0x176
MSR_DEADLINE    equ 0x6e0
MSR_EFER        equ 0xc0000080

; A CPU's variables, from the start of its area.
OWN_ID          equ 0
OWN_GENERATION  equ 4
OWN_ROUND       equ 8
OWN_RECOVERY    equ 12

VECTOR_IPI      equ 0x40
VECTOR_LOWEST   equ 0x41
VECTOR_SHOOT    equ 0x42
VECTOR_TIMER    equ 0x43
VECTOR_PIT      equ 0x44
VECTOR_WAKE     equ 0x46

ROUNDS          equ 500                 ; of each counter, on each CPU
SLOW_ROUNDS     equ 60                  ; of spinning without PAUSE
BITS_CLAIMED    equ 512

org BASE
bits 32

header:
    dd 0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
    dd header, BASE, image_end, bss_end, entry

; Macros --------------------------------------------------------------------------------------------------------------

%macro own 1                            ; the address of this CPU's variables
    mov %1, esp
    and %1, -AREA_BYTES
%endmacro

%macro say 1+
    push esi
    mov esi, %%text
    call print
    pop esi
    jmp %%behind
%%text: db %1, 0
%%behind:
%endmacro

%macro phase 1
    mov eax, %1
    call run_phase
%endmacro

%macro line 2                           ; a title and one value
    say %1, ' '
    mov eax, %2
    call print_number
    call end_line
%endmacro

%macro line_of_all 2                    ; a title and a table with a value for each CPU
    say %1
    mov esi, %2
    call print_table
%endmacro

; The bootstrap processor ---------------------------------------------------------------------------------------------

entry:
    mov esp, AREAS + AREA_BYTES - 16
    lgdt [gdt_register]
    jmp 8:.flat
.flat:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov dword [AREAS + OWN_ID], 0
    call fill_idt
    lidt [idt_register]
    mov al, 0xff                        ; both 8259 masked
    out 0x21, al
    out 0xa1, al
    mov dx, 0x510                       ; fw_cfg: number of CPUs
    mov ax, 5
    out dx, ax
    inc dx
    in al, dx
    movzx eax, al
    mov [count], eax
    call own_apic
    mov esi, trampoline
    mov edi, TRAMPOLINE
    mov ecx, trampoline_end - trampoline
    rep movsb
    mov esi, long_trampoline
    mov edi, LONG_TRAMPOLINE
    mov ecx, long_trampoline_end - long_trampoline
    rep movsb

    mov ebx, 1                          ; one application processor after the other
.start:
    cmp ebx, [count]
    jae .started
    mov ecx, ebx
    mov eax, 0x4500
    call send
    call delay
    mov eax, 0x4600 | (TRAMPOLINE >> 12)
    call send
    call delay
    call send                           ; the second one is ignored
    call delay
.wait:
    pause
    cmp [up], ebx
    jne .wait
    inc ebx
    jmp .start
.started:
    call delay
    line 'cpus', [count]
    line_of_all 'starts', starts

    phase read_identity
    line_of_all 'apic base', base_flags
    line 'ids', [id_mask]
    line 'wide ids', [wide_id_mask]

    phase count_xadd
    line 'xadd', [counter]
    line 'xadd old values', [sum]
    mov dword [counter], 0
    phase count_inc
    line 'inc', [counter]
    mov dword [counter], 0
    phase count_cmpxchg
    line 'cmpxchg', [counter]
    mov dword [counter], 0
    phase count_under_lock
    line 'spinlock with pause', [counter]
    mov dword [counter], 0
    phase count_under_bare_lock
    line 'spinlock without pause', [counter]
    mov dword [counter], 0
    phase count_under_ticket
    line 'ticket lock', [counter]
    mov dword [wide_counter], 0xffffff80
    phase count_wide
    line 'cmpxchg8b low', [wide_counter]
    line 'cmpxchg8b high', [wide_counter + 4]
    mov dword [counter], 0
    phase claim_bits
    line 'bts claims', [counter]

    phase interrupts
    line_of_all 'ipi', ipi_counts
    phase lowest_priority
    line 'lowest priority, all', [lowest_total]
    line_of_all '# lowest priority', lowest_counts
    phase non_maskable
    line_of_all 'nmi', nmi_counts

    call make_tables
    phase shoot_down
    line 'window', [window_sum]
    line_of_all 'page faults', fault_codes

    phase cross_modify
    line 'cross-modified', [patched_sum]
    phase self_modify
    line 'self-modified', [modified_sum]
    phase race_modify
    line 'modified while running', [race_sum]

    phase one_shot
    line_of_all 'one-shot', timer_counts
    phase periodic
    line_of_all 'periodic', periodic_counts
    phase deadline
    line_of_all '# deadline', deadline_counts
    phase time_stamps
    line 'tsc warps', [warps]

    call redirection
    line_of_all 'io apic', redirected

    phase x2apic
    line_of_all '# x2apic id', x2_ids
    line_of_all '# x2apic ldr', x2_logical
    line_of_all '# x2apic ipi', x2_counts

    call running_init
    line 'init stopped', [init_stopped]
    line_of_all 'starts', starts
    phase after_init
    line_of_all 'interrupts after init', init_counts
    line_of_all '# kept by init: msr', kept_msr
    line_of_all '# kept by init: x87', kept_x87

    call long_mode
    line 'xadd 64 low', [wide_counter]
    line 'xadd 64 high', [wide_counter + 4]
    line 'cmpxchg16b', [widest_counter]
    line 'spinlock across modes', [counter]

    say 'end', 10
    mov eax, 0x21
    out 0xf4, eax
.rest:
    hlt
    jmp .rest

; Phases: every CPU runs the same routine, and the bootstrap processor goes on when all have ended it ------------------

run_phase:
    mov [routine], eax
    mov dword [done], 0
    mov dword [barrier_count], 0
    own ecx
    mov dword [ecx + OWN_ROUND], 0
    lock inc dword [generation]
    call eax
    mov eax, [count]
    dec eax
.wait:
    pause
    cmp [done], eax
    jne .wait
    ret

application:                            ; where the trampoline leads to
    call own_apic
    own ebx
    mov eax, [generation]
    mov [ebx + OWN_GENERATION], eax
    mov eax, [ebx + OWN_ID]
    lock inc dword [starts + 4 * eax]
    lock inc dword [up]
.wait:
    pause
    own ebx
    mov eax, [generation]
    cmp eax, [ebx + OWN_GENERATION]
    je .wait
    mov [ebx + OWN_GENERATION], eax
    mov dword [ebx + OWN_ROUND], 0
    call [routine]
    lock inc dword [done]
    jmp .wait

barrier:                                ; all CPUs of a phase meet
    push eax
    push ebx
    own ebx
    inc dword [ebx + OWN_ROUND]
    mov eax, [ebx + OWN_ROUND]
    imul eax, [count]
    lock inc dword [barrier_count]
.wait:
    pause
    cmp [barrier_count], eax
    jb .wait
    pop ebx
    pop eax
    ret

own_apic:
    mov dword [SVR], 0x1ff
    mov dword [DFR], 0xffffffff
    own ecx
    mov ecx, [ecx + OWN_ID]
    mov eax, 0x1000000
    shl eax, cl
    mov [LDR], eax
    mov dword [TPR], 0
    mov dword [LVT_LINT0], 0x10700
    ret

send:                                   ; ICR: eax to the APIC ecx
    push ecx
.idle:
    test dword [ICR_LOW], 0x1000
    jnz .idle
    shl ecx, 24
    mov [ICR_HIGH], ecx
    mov [ICR_LOW], eax
    pop ecx
    ret

delay:
    push ecx
    push eax
    mov ecx, 2000
.more:
    in al, 0x80
    loop .more
    pop eax
    pop ecx
    ret

await_sum:                              ; until the values of table esi come to eax
    push ecx
    push edx
.again:
    pause
    xor edx, edx
    xor ecx, ecx
.add:
    add edx, [esi + 4 * ecx]
    inc ecx
    cmp ecx, [count]
    jb .add
    cmp edx, eax
    jne .again
    pop edx
    pop ecx
    ret

rest_until_stopped:                     ; halted, but for interrupts
    cli
    cmp dword [stopped], 0
    jne .end
    sti
    hlt
    jmp rest_until_stopped
.end:
    ret

stop_resting:
    mov dword [stopped], 1
    mov eax, 0xc4000 | VECTOR_WAKE
    call send
    ret

; Who am I ------------------------------------------------------------------------------------------------------------

read_identity:
    own edi
    mov edi, [edi + OWN_ID]
    mov ecx, MSR_APIC_BASE
    rdmsr
    and eax, 0xd00
    mov [base_flags + 4 * edi], eax
    mov eax, 1
    cpuid
    mov ecx, ebx
    shr ecx, 24
    mov edx, 1
    shl edx, cl
    lock or [id_mask], edx
    push edx
    xor eax, eax
    cpuid
    pop edx
    cmp eax, 11
    jb .narrow
    mov eax, 11
    xor ecx, ecx
    cpuid
    mov ecx, edx
    mov edx, 1
    shl edx, cl
.narrow:
    lock or [wide_id_mask], edx
    ret

; Counting ------------------------------------------------------------------------------------------------------------

count_xadd:
    mov ecx, ROUNDS
    xor edx, edx
.next:
    mov eax, 1
    lock xadd [counter], eax
    add edx, eax
    loop .next
    lock add [sum], edx
    ret

count_inc:
    mov ecx, ROUNDS
.next:
    lock inc dword [counter]
    loop .next
    ret

count_cmpxchg:
    mov ecx, ROUNDS
.next:
    mov eax, [counter]
.again:
    mov edx, eax
    inc edx
    lock cmpxchg [counter], edx
    jne .again
    loop .next
    ret

plain_increment:                        ; three instructions that a lock has to hold together
    mov eax, [counter]
    inc eax
    mov [counter], eax
    ret

count_under_lock:
    mov ecx, ROUNDS
.next:
    mov eax, 1
    xchg [spinlock], eax
    test eax, eax
    jz .mine
.held:
    pause
    cmp dword [spinlock], 0
    jne .held
    jmp .next
.mine:
    call plain_increment
    mov dword [spinlock], 0
    loop .next
    ret

count_under_bare_lock:
    mov ecx, SLOW_ROUNDS
.next:
    mov eax, 1
    xchg [spinlock], eax
    test eax, eax
    jnz .next
    call plain_increment
    mov dword [spinlock], 0
    loop .next
    ret

count_under_ticket:
    mov ecx, ROUNDS
.next:
    mov eax, 1
    lock xadd [ticket], eax
.held:
    cmp [serving], eax
    je .mine
    pause
    jmp .held
.mine:
    call plain_increment
    inc dword [serving]
    loop .next
    ret

count_wide:
    mov esi, ROUNDS
.next:
    mov eax, [wide_counter]
    mov edx, [wide_counter + 4]
.again:
    mov ebx, eax
    mov ecx, edx
    add ebx, 1
    adc ecx, 0
    lock cmpxchg8b [wide_counter]
    jne .again
    dec esi
    jnz .next
    ret

claim_bits:                             ; every bit has one owner
    xor ecx, ecx
.next:
    lock bts [bitmap], ecx
    jc .taken
    lock inc dword [counter]
.taken:
    inc ecx
    cmp ecx, BITS_CLAIMED
    jb .next
    ret

; Interrupts between CPUs -----------------------------------------------------------------------------------------------

interrupts:
    own ebx
    mov ebx, [ebx + OWN_ID]
    test ebx, ebx
    jz .sender
    call barrier
    jmp rest_until_stopped
.sender:
    mov dword [stopped], 0
    call barrier
    sti
    xor edx, edx                        ; how many must have come
    mov edi, 3
.round:
    xor ecx, ecx                        ; to each by its ID
.each:
    mov eax, 0x4000 | VECTOR_IPI
    call send
    inc edx
    mov eax, edx
    mov esi, ipi_counts
    call await_sum
    inc ecx
    cmp ecx, [count]
    jb .each
    dec edi
    jnz .round
    mov eax, 0xc4000 | VECTOR_IPI       ; all but itself
    call send
    add edx, [count]
    dec edx
    mov eax, edx
    call await_sum
    mov eax, 0x84000 | VECTOR_IPI       ; all
    call send
    add edx, [count]
    mov eax, edx
    call await_sum
    mov eax, 0x44000 | VECTOR_IPI       ; itself
    call send
    inc edx
    mov eax, edx
    call await_sum
    mov ecx, 0xff                       ; all by their logical IDs
    mov eax, 0x4800 | VECTOR_IPI
    call send
    add edx, [count]
    mov eax, edx
    call await_sum
    cli
    call stop_resting
    ret

lowest_priority:                        ; the last CPU's task has the lowest priority
    own ebx
    mov ebx, [ebx + OWN_ID]
    mov eax, ebx
    inc eax
    cmp eax, [count]
    mov eax, 0x30
    jne .others
    mov eax, 0x10
.others:
    mov [TPR], eax
    test ebx, ebx
    jz .sender
    call barrier
    call rest_until_stopped
    jmp .end
.sender:
    mov dword [stopped], 0
    call barrier
    sti
    mov edi, 5
    xor edx, edx
.next:
    mov ecx, 0xff
    mov eax, 0x4900 | VECTOR_LOWEST
    call send
    inc edx
    mov eax, edx
    mov esi, lowest_counts
    call await_sum
    dec edi
    jnz .next
    mov [lowest_total], edx
    cli
    call stop_resting
.end:
    mov dword [TPR], 0
    ret

non_maskable:                           ; wakes a CPU that has halted with interrupts off
    own ebx
    mov ebx, [ebx + OWN_ID]
    test ebx, ebx
    jz .sender
    call barrier
.rest:
    hlt
    cmp dword [nmi_counts + 4 * ebx], 3
    jb .rest
    ret
.sender:
    call barrier
    mov edi, 3
    xor edx, edx
.round:
    xor ecx, ecx
.each:
    mov eax, 0x4400
    call send
    inc edx
    mov eax, edx
    mov esi, nmi_counts
    call await_sum
    inc ecx
    cmp ecx, [count]
    jb .each
    dec edi
    jnz .round
    ret

; TLB shoot-down ----------------------------------------------------------------------------------------------------------

make_tables:
    mov dword [DIRECTORY], 0x83         ; 4 MiB pages: where we are, and the APICs
    mov dword [DIRECTORY + 4 * (APIC >> 22)], 0xfec00000 | 0x93
    mov dword [DIRECTORY + 4 * (WINDOW >> 22)], TABLE | 3
    mov dword [TABLE], FRAME_A | 3
    mov dword [FRAME_A], 1
    mov dword [FRAME_B], 0x100
    ret

shoot_down:
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov eax, DIRECTORY
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000                  ; PG, WP
    mov cr0, eax
    mov edi, 4
    sti
.round:                                 ; A and B in turn
    mov eax, [WINDOW]
    lock add [window_sum], eax
    call barrier
    mov eax, FRAME_B | 3
    call remap
    mov eax, [WINDOW]
    lock add [window_sum], eax
    call barrier
    mov eax, FRAME_A | 3
    call remap
    dec edi
    jnz .round
    call barrier
    mov eax, FRAME_A | 2                ; not there
    call remap
    own ebx
    mov dword [ebx + OWN_RECOVERY], .absent
    mov eax, [WINDOW]
    lock add dword [window_sum], 0x10000000
.absent:
    call barrier
    mov eax, FRAME_A | 1                ; read-only, also for supervisors
    call remap
    mov eax, [WINDOW]
    own ebx
    mov dword [ebx + OWN_RECOVERY], .closed
    mov [WINDOW], eax
    lock add dword [window_sum], 0x10000000
.closed:
    call barrier
    cli
    mov eax, cr0
    and eax, 0x7ffeffff
    mov cr0, eax
    ret

remap:                                  ; CPU 0 sets the window's entry to eax and tells the others; all go on when all know
    own ebx
    cmp dword [ebx + OWN_ID], 0
    jne .others
    mov dword [acknowledged], 0
    mov [TABLE], eax
    invlpg [WINDOW]
    mov eax, 0xc4000 | VECTOR_SHOOT
    call send
    mov eax, [count]
    dec eax
.wait:
    pause
    cmp [acknowledged], eax
    jne .wait
.others:
    call barrier
    ret

; Code that changes ---------------------------------------------------------------------------------------------------------

align 4096
    times 3 nop                         ; the immediate is aligned
patched_routine:
    mov eax, 0
    ret
align 4096

cross_modify:
    mov edi, 8
.round:
    own ebx
    cmp dword [ebx + OWN_ID], 0
    jne .others
    mov [patched_routine + 1], edi
.others:
    call barrier
    xor eax, eax
    cpuid                               ; serialises
    call patched_routine
    lock add [patched_sum], eax
    call barrier
    dec edi
    jnz .round
    ret

self_modify:
    own ebp
    mov ebp, [ebp + OWN_ID]
    shl ebp, 12
    add ebp, PRIVATE_CODE
    mov byte [ebp], 0xb8                ; mov eax, imm32; ret
    mov byte [ebp + 5], 0xc3
    mov edi, 20
    xor esi, esi
.round:
    mov [ebp + 1], edi
    call ebp
    add esi, eax
    dec edi
    jnz .round
    lock add [modified_sum], esi
    ret

race_modify:                            ; CPU 0 changes what the others run
    own ebx
    cmp dword [ebx + OWN_ID], 0
    jne .others
    mov dword [patched_routine + 1], 0
    call barrier
    call delay
    mov eax, [count]
    dec eax
    imul eax, 0x1234
.write:                                 ; more than once, for QEMU: it may decode the old bytes just before they change
    mov dword [patched_routine + 1], 0x1234
    call delay
    cmp [race_sum], eax
    jne .write
    jmp .run
.others:
    call barrier
.run:
    pause
    call patched_routine
    cmp eax, 0x1234
    jne .run
    lock add [race_sum], eax
    ret

; Timers --------------------------------------------------------------------------------------------------------------------

one_shot:
    own ebx
    mov ebx, [ebx + OWN_ID]
    call barrier
    mov dword [TIMER_DIVIDE], 0xb
    mov dword [LVT_TIMER], VECTOR_TIMER
    mov eax, ebx
    imul eax, 3000
    add eax, 200000
    mov [TIMER_INITIAL], eax
.rest:
    cli
    cmp dword [timer_counts + 4 * ebx], 1
    jae .fired
    sti
    hlt
    jmp .rest
.fired:
    sti                                 ; no second one comes
    call delay
    call delay
    cli
    cmp dword [TIMER_CURRENT], 0
    je .stands
    lock add dword [timer_counts + 4 * ebx], 0x100
.stands:
    mov dword [LVT_TIMER], 0x10000
    ret

periodic:
    own ebx
    mov ebx, [ebx + OWN_ID]
    call barrier
    mov dword [timer_counts + 4 * ebx], 0
    mov dword [TIMER_DIVIDE], 0xb
    mov dword [LVT_TIMER], 0x20000 | VECTOR_TIMER
    mov dword [TIMER_INITIAL], 150000
.rest:
    cli
    cmp dword [timer_counts + 4 * ebx], 5
    jae .enough
    sti
    hlt
    jmp .rest
.enough:
    mov dword [periodic_counts + 4 * ebx], 5
    mov dword [LVT_TIMER], 0x10000
    mov dword [TIMER_INITIAL], 0
    sti                                 ; what is requested still comes
    nop
    cli
    ret

deadline:
    mov eax, 1
    cpuid
    own ebx
    mov ebx, [ebx + OWN_ID]
    test ecx, 1 << 24
    jz .absent
    mov dword [timer_counts + 4 * ebx], 0
    mov dword [LVT_TIMER], 0x40000 | VECTOR_TIMER
    rdtsc
    add eax, 100000
    adc edx, 0
    mov esi, eax
    mov edi, edx
    mov ecx, MSR_DEADLINE
    wrmsr
.rest:
    cli
    cmp dword [timer_counts + 4 * ebx], 0
    jne .fired
    sti
    hlt
    jmp .rest
.fired:
    rdtsc
    sub eax, esi
    sbb edx, edi
    jc .early
    mov eax, [timer_counts + 4 * ebx]
    mov [deadline_counts + 4 * ebx], eax
.early:
    mov dword [LVT_TIMER], 0x10000
.absent:
    ret

time_stamps:                            ; no CPU reads an earlier time than one before it
    mov esi, ROUNDS
.next:
    mov eax, 1
    xchg [spinlock], eax
    test eax, eax
    jz .mine
    pause
    jmp .next
.mine:
    rdtsc
    mov ecx, eax
    mov ebx, edx
    sub ecx, [last_time]
    sbb ebx, [last_time + 4]
    jnc .later
    inc dword [warps]
.later:
    mov [last_time], eax
    mov [last_time + 4], edx
    mov dword [spinlock], 0
    dec esi
    jnz .next
    ret

; The I/O APIC: the 8254's interrupt goes to one CPU after the other ------------------------------------------------------------

redirection:
    mov al, 0x34                        ; 8254: channel 0, mode 2, about 10 kHz
    out 0x43, al
    mov al, 119
    out 0x40, al
    xor al, al
    out 0x40, al
    mov dword [target], 0
.next:
    phase take_ticks
    inc dword [target]
    mov eax, [target]
    cmp eax, [count]
    jb .next
    ret

take_ticks:
    own ebx
    mov ebx, [ebx + OWN_ID]
    mov dword [pit_counts + 4 * ebx], 0
    call barrier
    test ebx, ebx
    jnz .programmed
    mov eax, [target]
    shl eax, 24
    mov dword [IOAPIC], 0x10 + 2 * 2 + 1
    mov [IOAPIC + 16], eax
    mov dword [IOAPIC], 0x10 + 2 * 2
    mov dword [IOAPIC + 16], VECTOR_PIT
.programmed:
    sti
    mov ecx, [target]
.wait:
    pause
    cmp dword [pit_counts + 4 * ecx], 3
    jb .wait
    test ebx, ebx
    jnz .masked
    mov dword [IOAPIC + 16], 0x10000 | VECTOR_PIT
.masked:
    call barrier
    call delay
    cli
    call barrier
    cmp ebx, ecx
    je .target
    mov eax, [pit_counts + 4 * ebx]     ; nothing came to the others
    lock add [redirected + 4 * ebx], eax
    ret
.target:
    lock add dword [redirected + 4 * ebx], 0x100
    ret

; x2APIC mode -------------------------------------------------------------------------------------------------------------------

x2apic:
    mov eax, 1
    cpuid
    test ecx, 1 << 21
    jz .absent
    own ebx
    mov ebx, [ebx + OWN_ID]
    mov ecx, MSR_APIC_BASE
    rdmsr
    or eax, 0x400
    wrmsr
    mov byte [by_msr], 1
    mov ecx, 0x802
    rdmsr
    mov [x2_ids + 4 * ebx], eax
    mov ecx, 0x80d
    rdmsr
    mov [x2_logical + 4 * ebx], eax
    mov dword [ipi_counts + 4 * ebx], 0
    call barrier
    sti
    lea edx, [ebx + 1]                  ; everybody to the next one
    cmp edx, [count]
    jb .neighbour
    xor edx, edx
.neighbour:
    mov eax, VECTOR_IPI
    mov ecx, 0x830
    wrmsr
.first:
    pause
    cmp dword [ipi_counts + 4 * ebx], 1
    jb .first
    mov eax, VECTOR_IPI                 ; and to itself
    xor edx, edx
    mov ecx, 0x83f
    wrmsr
.second:
    pause
    cmp dword [ipi_counts + 4 * ebx], 2
    jb .second
    cli
    mov eax, [ipi_counts + 4 * ebx]
    mov [x2_counts + 4 * ebx], eax
    call barrier
    mov byte [by_msr], 0
    mov ecx, MSR_APIC_BASE              ; back, by way of an APIC that is switched off
    rdmsr
    and eax, ~0xc00
    wrmsr
    or eax, 0x800
    wrmsr
    call own_apic
    call barrier
.absent:
    ret

; INIT reaches a CPU that runs --------------------------------------------------------------------------------------------------

running_init:
    mov ecx, [count]
    dec ecx
    jz .alone
    mov [victim], ecx
    mov dword [up], 0
    mov dword [done], 0
    mov dword [routine], spin_or_end
    lock inc dword [generation]
.warm:
    pause
    cmp dword [spins], 1000
    jb .warm
    mov eax, 0x4500
    call send
    call delay
    mov edx, [spins]
    call delay
    cmp edx, [spins]
    sete [init_stopped]
    mov eax, [count]
    sub eax, 2
.others:
    pause
    cmp [done], eax
    jne .others
    mov eax, 0x4600 | (TRAMPOLINE >> 12)
    call send
.wait:
    pause
    cmp dword [up], 1
    jne .wait
.alone:
    ret

spin_or_end:
    own ebx
    mov ebx, [ebx + OWN_ID]
    cmp ebx, [victim]
    jne .end
    mov ecx, MSR_SYSENTER_EIP
    mov eax, 0xabcd1234
    xor edx, edx
    wrmsr
    fninit
    fld1
    fldpi
.spin:
    lock inc dword [spins]
    jmp .spin
.end:
    ret

after_init:
    own ebx
    mov ebx, [ebx + OWN_ID]
    cmp dword [victim], 0
    je .others
    cmp ebx, [victim]
    jne .others
    mov ecx, MSR_SYSENTER_EIP
    rdmsr
    mov [kept_msr + 4 * ebx], eax
    fstp st0
    fistp dword [kept_x87 + 4 * ebx]
.others:
    mov dword [ipi_counts + 4 * ebx], 0
    call barrier
    mov eax, 0x44000 | VECTOR_IPI
    call send
    sti
.wait:
    pause
    cmp dword [ipi_counts + 4 * ebx], 1
    jne .wait
    cli
    mov dword [init_counts + 4 * ebx], 1
    ret

; The last CPU goes to long mode, and counts with the others --------------------------------------------------------------------------

long_mode:
    mov dword [wide_counter], 0xfffffff0
    mov dword [wide_counter + 4], 0
    mov dword [counter], 0
    mov dword [PML4], POINTERS | 3
    xor ecx, ecx
.pointers:
    mov eax, ecx
    shl eax, 12
    add eax, DIRECTORIES | 3
    mov [POINTERS + 8 * ecx], eax
    inc ecx
    cmp ecx, 4
    jb .pointers
    xor ecx, ecx
.directories:                           ; 2 MiB pages for 4 GiB
    mov eax, ecx
    shl eax, 21
    or eax, 0x83
    mov [DIRECTORIES + 8 * ecx], eax
    inc ecx
    cmp ecx, 2048
    jb .directories
    mov ecx, [count]
    dec ecx
    jz .alone
    mov dword [done], 0
    mov eax, 0x4500
    call send
    call delay
    mov eax, 0x4600 | (LONG_TRAMPOLINE >> 12)
    call send
    mov dword [routine], count_under_lock
    lock inc dword [generation]
    call count_under_lock
    mov eax, [count]
    dec eax
.wait:
    pause
    cmp [done], eax
    jne .wait
.alone:
    ret

; Handlers --------------------------------------------------------------------------------------------------------------------------------

%macro counted 2
%1:
    push eax
    own eax
    mov eax, [eax + OWN_ID]
    lock inc dword [%2 + 4 * eax]
    call end_of_interrupt
    pop eax
    iret
%endmacro

counted on_ipi, ipi_counts
counted on_lowest, lowest_counts
counted on_timer, timer_counts
counted on_pit, pit_counts

on_wake:
    push eax
    call end_of_interrupt
    pop eax
    iret

on_shoot:
    push eax
    invlpg [WINDOW]
    lock inc dword [acknowledged]
    call end_of_interrupt
    pop eax
    iret

on_spurious:
    iret

on_nmi:
    push eax
    own eax
    mov eax, [eax + OWN_ID]
    lock inc dword [nmi_counts + 4 * eax]
    pop eax
    iret

on_page_fault:
    push eax
    push ebx
    own ebx
    mov eax, cr2
    cmp eax, WINDOW
    jne on_exception
    mov eax, [ebx + OWN_RECOVERY]
    test eax, eax
    jz on_exception
    mov dword [ebx + OWN_RECOVERY], 0
    mov [esp + 12], eax
    mov ebx, [ebx + OWN_ID]
    mov eax, [esp + 8]                  ; the error codes, one beside the other, and 8
    or eax, 8
    shl dword [fault_codes + 4 * ebx], 4
    add [fault_codes + 4 * ebx], eax
    pop ebx
    pop eax
    add esp, 4
    iret

on_exception:
    cli
    say 'an exception: '
    mov eax, [esp]
    call print_number
    mov eax, [esp + 4]
    call print_number
    mov eax, [esp + 8]
    call print_number
    call end_line
    mov eax, 0x7f
    out 0xf4, eax
.rest:
    hlt
    jmp .rest

end_of_interrupt:
    cmp byte [by_msr], 0
    jne .msr
    mov dword [EOI], 0
    ret
.msr:
    push ecx
    push edx
    xor eax, eax
    xor edx, edx
    mov ecx, 0x80b
    wrmsr
    pop edx
    pop ecx
    ret

fill_idt:
    mov edi, idt
    xor ecx, ecx
.exceptions:
    mov eax, on_exception
    call .set
    inc ecx
    cmp ecx, 256
    jb .exceptions
    mov esi, handlers
.more:
    lodsd
    mov ecx, eax
    lodsd
    test eax, eax
    jz .end
    call .set
    jmp .more
.set:
    mov [idt + 8 * ecx], ax
    mov word [idt + 8 * ecx + 2], 8
    mov word [idt + 8 * ecx + 4], 0x8e00
    shr eax, 16
    mov [idt + 8 * ecx + 6], ax
.end:
    ret

handlers:
    dd 2, on_nmi, 14, on_page_fault, VECTOR_IPI, on_ipi, VECTOR_LOWEST, on_lowest, VECTOR_SHOOT, on_shoot
    dd VECTOR_TIMER, on_timer, VECTOR_PIT, on_pit, VECTOR_WAKE, on_wake, 0xff, on_spurious, 0, 0

; Text on port E9 --------------------------------------------------------------------------------------------------------------------------

print:
    push eax
.next:
    lodsb
    test al, al
    jz .end
    out 0xe9, al
    jmp .next
.end:
    pop eax
    ret

print_number:                           ; eax in hexadecimal, and a space
    push ecx
    mov ecx, 8
.digit:
    rol eax, 4
    push eax
    and al, 15
    cmp al, 10
    sbb al, 0x69
    das
    out 0xe9, al
    pop eax
    loop .digit
    mov al, ' '
    out 0xe9, al
    pop ecx
    ret

end_line:
    push eax
    mov al, 10
    out 0xe9, al
    pop eax
    ret

print_table:
    say ' '
    xor ecx, ecx
.next:
    mov eax, [esi + 4 * ecx]
    call print_number
    inc ecx
    cmp ecx, [count]
    jb .next
    jmp end_line

; Trampolines ----------------------------------------------------------------------------------------------------------------------------------

trampoline:
bits 16
    cli
    mov ax, cs
    mov ds, ax
    lgdt [trampoline_gdt - trampoline]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 8:(TRAMPOLINE + .flat - trampoline)
bits 32
.flat:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov eax, 1
    cpuid
    shr ebx, 24
    mov eax, ebx
    imul eax, AREA_BYTES
    lea esp, [eax + AREAS + AREA_BYTES - 16]
    mov [eax + AREAS + OWN_ID], ebx
    lidt [idt_register]
    mov eax, application
    jmp eax
align 4
trampoline_gdt:
    dw gdt_end - gdt - 1
    dd gdt
trampoline_end:

long_trampoline:
bits 16
    cli
    mov ax, cs
    mov ds, ax
    lgdt [long_gdt - long_trampoline]
    mov eax, cr4
    or eax, 0x20                        ; PAE
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, MSR_EFER
    rdmsr
    or eax, 0x100                       ; LME
    wrmsr
    mov eax, cr0
    or eax, 0x80000001
    mov cr0, eax
    jmp dword 24:(LONG_TRAMPOLINE + .long - long_trampoline)
bits 64
.long:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, AREAS + 9 * AREA_BYTES
    mov ecx, 64
.xadd:
    mov eax, 1
    lock xadd [wide_counter], rax
    loop .xadd
    mov r8d, ROUNDS
.widest:
    mov rax, [widest_counter]
    mov rdx, [widest_counter + 8]
.again:
    mov rbx, rax
    mov rcx, rdx
    add rbx, 1
    adc rcx, 0
    lock cmpxchg16b [widest_counter]
    jne .again
    dec r8d
    jnz .widest
    mov r9d, ROUNDS
.next:
    mov eax, 1
    xchg [spinlock], eax
    test eax, eax
    jz .mine
    pause
    jmp .next
.mine:
    mov eax, [counter]
    inc eax
    mov [counter], eax
    mov dword [spinlock], 0
    dec r9d
    jnz .next
    lock inc dword [done]
.rest:
    hlt
    jmp .rest
align 4
long_gdt:
    dw gdt_end - gdt - 1
    dd gdt
long_trampoline_end:
bits 32

align 8
gdt:
    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt_end:
gdt_register:
    dw gdt_end - gdt - 1
    dd gdt
idt_register:
    dw 8 * 256 - 1
    dd idt

image_end:
absolute image_end
alignb 64
idt:            resb 8 * 256
count:          resd 1
generation:     resd 1
routine:        resd 1
done:           resd 1
barrier_count:  resd 1
up:             resd 1
stopped:        resd 1
acknowledged:   resd 1
target:         resd 1
victim:         resd 1
spins:          resd 1
init_stopped:   resd 1
counter:        resd 1
sum:            resd 1
spinlock:       resd 1
ticket:         resd 1
serving:        resd 1
id_mask:        resd 1
wide_id_mask:   resd 1
lowest_total:   resd 1
window_sum:     resd 1
patched_sum:    resd 1
modified_sum:   resd 1
race_sum:       resd 1
warps:          resd 1
by_msr:         resd 1
alignb 16
last_time:      resq 1
wide_counter:   resq 1
widest_counter: resq 2
bitmap:         resb BITS_CLAIMED / 8
starts:         resd 8
base_flags:     resd 8
ipi_counts:     resd 8
lowest_counts:  resd 8
nmi_counts:     resd 8
fault_codes:   resd 8
timer_counts:   resd 8
periodic_counts: resd 8
deadline_counts: resd 8
pit_counts:     resd 8
redirected:     resd 8
x2_ids:         resd 8
x2_logical:     resd 8
x2_counts:      resd 8
init_counts:    resd 8
kept_msr:       resd 8
kept_x87:       resd 8
bss_end:
