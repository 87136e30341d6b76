/** What `shadowbox --help` and `shadowbox run --help` print. */
import { RUN_OPTIONS } from './options';

export const MAIN_HELP = `shadowbox: a virtual machine monitor that you can see into

Usage:
  shadowbox run [CONFIG.json] [OPTION]...   boot a guest in this terminal or a CI job
  shadowbox replay FILE [--to N]            a recorded run once more, to where it stood or elsewhere
  shadowbox disk create|info|check|convert  makes, describes, checks and converts disk images
  shadowbox dap [--port N]                  the debug adapter, for editors, over stdin and stdout
  shadowbox --help                          this text
  shadowbox run --help                      all options of run, exit statuses, examples
  shadowbox --version

To step through a guest and look at its page tables, open it in VS Code: 'npm start' in a
checkout does that.
`;

export const REPLAY_HELP = `Usage: shadowbox replay FILE [--to N|Tns|end|NAME] [OPTION]...

Starts the machine of a recording (shadowbox run --record FILE, or 'Save Recording' in the editor), and
takes it, with the recorded input, to where it stood when it was saved; or to so many retired instructions,
to a virtual time (1500000ns), to the recording's end, to a bookmark. Images are taken from the recording
where they are in it, else from where they were, or from beside the recording; each is checked. With
snapshots in the recording (run --snapshots) it goes to the last one before, and executes from there.

Options: those of run that say where images are here (--kernel, --disk, …) and what to do at the end
(--hash, --stats, --gdb, --serial, --engine); --from-start, to see all output of the guest from the start.

Examples:
  shadowbox run --floppy boot.img --max-instructions 5000000 --record bug.shadowbox --embed
  shadowbox replay bug.shadowbox --hash
  shadowbox replay bug.shadowbox --to 1000000 --gdb 1234
`;

export const DISK_HELP = `Usage:
  shadowbox disk create FILE --size SIZE    an empty disk: 512M, 10G, 3T
  shadowbox disk create FILE --backing F    a disk that holds only what differs from F
  shadowbox disk info FILE                  format, sizes, identifiers, snapshots, and the images below it
  shadowbox disk check FILE                 whether its tables are sound; status 3 when they are not
  shadowbox disk convert FROM TO            copies a disk into a new image
  shadowbox disk accept-parent FILE         a VHD's parent was copied, and is still the right one

Options of create and convert:
  --format F        raw, qcow2, vhd or vhdx (default: as the file's name ends, else raw)
  --fixed           VHD and VHDX: takes all its room at once
  --block-size N    cluster or block size: 64K, 2M

docs/disks.md says what each format can do, and what is checked.
`;

export const DAP_HELP = `Usage: shadowbox dap [--port N]

Speaks the Debug Adapter Protocol over stdin and stdout. With --port it listens on
127.0.0.1:N instead, for any number of sessions one after the other or at once; put
"debugServer": N into launch.json to use it while working on the adapter. A machine whose
client disconnects without ending it stays, and "request": "attach" leads back to it.
`;

const COLUMN = 26;

function optionLine({ name, value, doc }: (typeof RUN_OPTIONS)[number]): string {
  const left = `  --${name}${value === undefined ? '' : ` ${value}`}`;
  return left.length < COLUMN ? `${left.padEnd(COLUMN)}${doc}` : `${left}\n${' '.repeat(COLUMN)}${doc}`;
}

export const RUN_HELP = `Usage: shadowbox run [CONFIG.json] [OPTION]...

Boots a guest without an editor. CONFIG.json has the same fields as an entry of launch.json
(docs/configuration.md lists them); paths in it are relative to its folder. Options win over it.
The guest's first serial port is on stdin and stdout, everything else goes to stderr.

Options:
${RUN_OPTIONS.map(optionLine).join('\n')}

At a terminal, Ctrl-A x ends the run, Ctrl-A Ctrl-A sends a Ctrl-A; all other keys, Ctrl-C too,
go to the guest. Idle guest time is skipped ("pace": "fast") unless CONFIG.json says "realtime".

Disks: raw, QCOW2, VHD and VHDX. Image files stay as they are; what the guest writes is kept in
memory and lost at the end.
To write to the file, put "disks": [{ "path": "disk.img", "writable": true }] into CONFIG.json.

Network: the guest reaches what this computer reaches; nothing reaches the guest but by --forward,
which listens on 127.0.0.1. Idle guest time takes real time then. These options replace the whole of
CONFIG.json's "network", which can say more (docs/network.md).

Exit status:
  0     the guest powered off, or --until matched, or --max-instructions was reached (without
        --until), or Ctrl-A x
  N     the guest's own, (value << 1) | 1 for a value that it wrote to port F4 (isa-debug-exit)
  1     Shadowbox itself failed
  2     wrong command line or configuration, or a file that cannot be used
  3     the guest is dead: triple fault, or halted for ever; stderr tells its story
  124   the time-out, or --max-instructions was reached before --until matched
  130   ended by an interrupt signal

With --until the guest runs on for some milliseconds after the match; for hashes that can be
compared, end the run by --max-instructions.

Examples:
  shadowbox run --floppy boot.img
  shadowbox run --kernel vmlinuz --initrd initrd.gz --cmdline "console=ttyS0" --memory 256M
  shadowbox run --kernel vmlinuz --cmdline "console=ttyS0" --until "login:" --timeout 300
  shadowbox run --kernel vmlinuz --initrd initrd.gz --forward 2222:22
  shadowbox run --multiboot kernel.elf --modules a.bin,b.bin --serial log.txt
  shadowbox run machine.json --max-instructions 1000000000 --hash --stats stats.json
`;
