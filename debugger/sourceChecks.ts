/**
 * Whether the sources on this computer are those that were compiled. Compilers that write DWARF 5 put each file's MD5 into it (clang and
 * rustc do); a file with another one is told, once, and at breakpoints in it: its lines may be others. A client may send the checksums of
 * the text that it shows, too.
 */
import { CHECKSUM_ALGORITHMS, messageOf, type ChecksumAlgorithm, type FileReader } from './ports';
import type { Program } from './program';
import type { RequestArguments } from './requestArguments';
import type { ProgramSource } from './sourcePlaces';

export class SourceChecks {
  /** What is wrong with each source that was looked at. */
  private readonly looked = new Map<ProgramSource, Promise<string | undefined>>();

  constructor(
    private readonly program: Program,
    private readonly files: FileReader,
    private readonly tell: (text: string) => void,
  ) {}

  /** Looks at sources that are about to be shown; tells of each that is another one. */
  async lookAt(sources: readonly ProgramSource[]): Promise<void> {
    await Promise.all(sources.map((source) => this.problemOf(source)));
  }

  /** What is wrong with the text in which a client has set breakpoints, in a sentence. `source` is the protocol's. */
  async problemOfText(source: RequestArguments): Promise<string | undefined> {
    const known = this.program.sourceOf(source.optionalString('path') ?? '');
    if (!known) return undefined;
    const problem = await this.problemOf(known);
    if (problem !== undefined) return problem;
    for (const given of source.objects('checksums')) {
      const algorithm = CHECKSUM_ALGORITHMS.find((each) => each === given.string('algorithm'));
      const expected = algorithm && await this.digestOf(known, algorithm);
      if (expected !== undefined && expected !== given.string('checksum').toLowerCase()) {
        return `The editor shows another text of ${known.name} than the symbols are about: its ${given.string('algorithm')} is not ${expected}.`;
      }
    }
    return undefined;
  }

  private problemOf(source: ProgramSource): Promise<string | undefined> {
    let problem = this.looked.get(source);
    if (!problem) this.looked.set(source, problem = this.look(source));
    return problem;
  }

  private async look(source: ProgramSource): Promise<string | undefined> {
    if (source.md5 === undefined || !source.exists) return undefined;
    const found = await this.digestOnDisk(source, 'MD5');
    if (found === undefined || found === source.md5) return undefined;
    const problem = `${source.path} is not the file that was compiled: its lines may be others (MD5 ${found}, compiled was ${source.md5}).`;
    this.tell(`${problem} Build the guest again, or let 'sourceMap' lead to the sources that it was built of.`);
    return problem;
  }

  /** Of the text that was compiled, as far as it is known. */
  private async digestOf(source: ProgramSource, algorithm: ChecksumAlgorithm): Promise<string | undefined> {
    if (algorithm === 'MD5' && source.md5 !== undefined) return source.md5;
    return source.exists ? this.digestOnDisk(source, algorithm) : undefined;
  }

  private async digestOnDisk(source: ProgramSource, algorithm: ChecksumAlgorithm): Promise<string | undefined> {
    if (!this.files.digest) return undefined;
    try {
      return this.files.digest(algorithm, await this.files.read(source.path));
    } catch (error) {
      this.tell(`${source.path} cannot be compared with what was compiled: ${messageOf(error)}`);
      return undefined;
    }
  }
}
