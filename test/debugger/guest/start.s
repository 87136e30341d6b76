# Entry of the adapter tests' program, and a function without line information (assembled without -g).
.global _start, outside, port_out
.text
_start:
    push %eax
    call kernel_main
    hlt

outside:
    nop
    nop
    ret

# port_out(port, value)
port_out:
    mov 4(%esp), %edx
    mov 8(%esp), %eax
    out %al, %dx
    ret

# Page fault handler: has the machine map the page.
.global fault
fault:
    push %eax
    out %al, $0x61
    pop %eax
    add $4, %esp
    iret
