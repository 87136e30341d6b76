/**
 * Scopes and variables: locals of the program, and the CPU's registers down to single flags. References are valid
 * until the machine goes.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { CpuState, RegisterField, RegisterValue, SegmentValue } from '../src/monitor/inspection/queries';
import { addressDigits, hex, hexOfWidth } from './numbers';
import type { Evaluation, ValueStyle, Shown } from './evaluation';
import { display } from './expressions/values';
import type { Threads } from './threads';
import { formatReference } from './addresses';
import { FrameVariables } from './locals';
import { userError } from './ports';
import type { Span } from './watchedSpans';
import type { Program, SourceLine } from './program';
import { memoryOfRegister, registerNamed } from './registers';
import { formatValue, type DisplayNode } from './symbols/format';
import { sizeOf, stripType } from './symbols/types';
import { bytesAround } from './symbols/values';
import type { Variable } from './symbols/variables';
import type { SyncMemory } from './syncMemory';
import { valueOfRegister, type Scope } from './expressions/evaluator';

/** What a variablesReference stands for. */
interface Container {
  /** Children; `start` and `count` only for indexed ones. */
  list(start: number | undefined, count: number | undefined, hexOnly: boolean): Promise<DebugProtocol.Variable[]>;
  /** The expression that names a child, for setVariable. */
  nameOf?(child: string): Promise<string | undefined>;
  readonly frameId: number | undefined;
}

/** What the nodes of one tree of values share. */
interface Tree {
  readonly frameId: number | undefined;
  readonly memory: SyncMemory;
  readonly style: ValueStyle;
  /** Whether numbers are in hexadecimal whatever the client asks for. */
  readonly inHex?: boolean;
}

const WATCHED: Pick<DebugProtocol.Variable, 'presentationHint'> = { presentationHint: { attributes: ['hasDataBreakpoint'] } };

/** A variable, and where it lies. */
interface Listed {
  readonly variable: DebugProtocol.Variable;
  readonly span: Span | undefined;
}

type Presentation = Pick<DebugProtocol.Variable, 'name' | 'value'> & Partial<DebugProtocol.Variable>;

export class VariableManager {
  private readonly containers = new Map<number, Container>();
  private readonly declarations = new Map<number, SourceLine>();
  private nextReference = 1;

  constructor(
    private readonly frames: Pick<Threads, 'scope'>,
    private readonly evaluation: Evaluation,
    /** Which stretches of memory have bytes that a data breakpoint watches, as the CPU of a frame maps it. */
    private readonly areWatched: (spans: readonly (Span | undefined)[], frameId: number | undefined) => Promise<readonly boolean[]>,
  ) {}

  /** Whether the client has been told of variables that are still valid. */
  get areShown(): boolean {
    return this.containers.size > 0;
  }

  /** The machine goes: no reference is valid any more. Numbers are not used again. */
  forget(): void {
    this.containers.clear();
    this.declarations.clear();
  }

  /** locations: where the variable with a `declarationLocationReference` is declared. */
  declaration(reference: number): SourceLine {
    const found = this.declarations.get(reference);
    if (!found) throw userError(`There is no location ${reference}, or no longer.`);
    return found;
  }

  async scopes(frameId: number): Promise<DebugProtocol.Scope[]> {
    const scope = await this.frames.scope(frameId);
    const registers = (name: string, list: (state: Scope) => DebugProtocol.Variable[], prefix = '$'): DebugProtocol.Scope => ({
      name,
      presentationHint: 'registers',
      expensive: false,
      variablesReference: this.add({
        frameId,
        list: async () => list(await this.frames.scope(frameId)),
        nameOf: async (child) => prefix + child,
      }),
    });
    const group = (name: 'control' | 'debug' | 'x87' | 'vector' | 'msrs') => (state: Scope): DebugProtocol.Variable[] =>
      state.cpu[name].map((register) => this.register(state, register, frameId));
    return [
      ...(scope.view.scope ? [this.localScope(frameId)] : []),
      registers('General Registers', (state) => generalRegisters(state)),
      registers('Segments', ({ cpu }) => cpu.segments.map((segment) => this.segment(cpu, segment, frameId))),
      registers('Control', group('control')),
      registers('Flags', ({ cpu }) => (cpu.flags.fields ?? []).map((field) => flag(cpu.flags.name, field)), `$${scope.cpu.flags.name}.`),
      ...(scope.cpu.debug.length > 0 ? [registers('Debug', group('debug'))] : []),
      ...(scope.cpu.x87.length > 0 ? [registers('x87', group('x87'))] : []),
      ...(scope.cpu.vector.length > 0 ? [registers('SSE', group('vector'))] : []),
      ...(scope.cpu.msrs.length > 0 ? [registers('Model-Specific Registers', group('msrs'))] : []),
    ];
  }

  /** Whether a reference is one of an earlier stop. */
  isPast(reference: number): boolean {
    return reference >= 1 && reference < this.nextReference && !this.containers.has(reference);
  }

  /** variables: children of a reference. */
  list(reference: number, start: number | undefined, count: number | undefined, hexOnly: boolean): Promise<DebugProtocol.Variable[]> {
    return this.container(reference).list(start, count, hexOnly);
  }

  /** setVariable: gives the new value. */
  async set(reference: number, name: string, value: string): Promise<Shown> {
    const container = this.container(reference);
    const expression = await container.nameOf?.(name);
    if (expression === undefined) throw userError(`'${name}' cannot be set.`);
    return this.evaluation.assign(expression, value, container.frameId);
  }

  /** The expression that names a variable of a container, and the frame to evaluate it in. */
  async expressionOf(reference: number, name: string): Promise<{ readonly expression: string; readonly frameId: number | undefined }> {
    const container = this.container(reference);
    const expression = await container.nameOf?.(name);
    if (expression === undefined) throw userError(`'${name}' has no place of its own.`);
    return { expression, frameId: container.frameId };
  }

  /** Of an evaluated value: a reference to its children, 0 when it has none, and whether a data breakpoint watches it. */
  async childrenOf(
    shown: Shown, frameId: number | undefined, hexOnly: boolean,
  ): Promise<Pick<DebugProtocol.Variable, 'variablesReference' | 'indexedVariables' | 'namedVariables' | 'presentationHint'>> {
    const { scope, value, expression, inHex } = shown;
    const tree: Tree = { frameId, memory: scope.memory, style: { hexOnly: hexOnly || inHex }, inHex };
    const children = await scope.memory.run(() => {
      const node = display('', value, this.evaluation.options(scope, tree.style));
      return this.nodeReference(node, isPointer(value) ? 'pointer' : 'plain', expression, tree);
    });
    const [isWatched] = await this.areWatched([spanOfValue(value)], frameId);
    return { ...children, ...(isWatched ? WATCHED : {}) };
  }

  private container(reference: number): Container {
    const container = this.containers.get(reference);
    if (!container) throw userError(`The variables of reference ${reference} are no longer valid: the machine has gone on.`);
    return container;
  }

  private add(container: Container): number {
    const reference = this.nextReference++;
    this.containers.set(reference, container);
    return reference;
  }

  private localScope(frameId: number): DebugProtocol.Scope {
    const list = async (hexOnly: boolean): Promise<DebugProtocol.Variable[]> => {
      const scope = await this.frames.scope(frameId);
      const variables = new FrameVariables(scope.view, scope.cpu, scope.program, scope.memory);
      const tree: Tree = { frameId, memory: scope.memory, style: { hexOnly } };
      const found = await scope.memory.run(() => variables.visible().map((variable): Listed => {
        const typed = variables.value(variable);
        if (!typed) return { variable: { name: variable.name, value: '<not known>', variablesReference: 0 }, span: undefined };
        const node = formatValue(variable.name, typed.type, typed.source, this.evaluation.options(scope, tree.style));
        return { variable: { ...this.node(node, variable.name, tree), ...this.declared(variable, scope.program) }, span: spanOf(node) };
      }));
      return this.marked(found, frameId);
    };
    return {
      name: 'Locals',
      presentationHint: 'locals',
      expensive: false,
      variablesReference: this.add({
        frameId, list: (_start, _count, hexOnly) => list(hexOnly), nameOf: async (child) => child,
      }),
    };
  }

  private declared({ declaration }: Variable, program: Program): Pick<DebugProtocol.Variable, 'declarationLocationReference'> {
    const source = declaration && program.sourceOf(declaration.file);
    if (!declaration || !source) return {};
    const reference = this.nextReference++;
    this.declarations.set(reference, { source, line: declaration.line, column: 0 });
    return { declarationLocationReference: reference };
  }

  /** A value of the program; its memory is what it points at, or else where it lies. To be called inside of `memory.run`. */
  private node(node: DisplayNode, expression: string | undefined, tree: Tree): DebugProtocol.Variable {
    const kind = stripType(node.type).kind === 'pointer' ? 'pointer' : 'plain';
    const place = node.target ?? node.address;
    return {
      name: node.name,
      value: node.value,
      type: node.typeName,
      ...(expression === undefined ? {} : { evaluateName: expression }),
      ...(place === undefined ? {} : { memoryReference: hex(place) }),
      ...this.nodeReference(node, kind, expression, tree),
    };
  }

  private nodeReference(
    node: Pick<DisplayNode, 'childCount' | 'isIndexed' | 'children'>, kind: 'pointer' | 'plain', expression: string | undefined,
    tree: Tree,
  ): Pick<DebugProtocol.Variable, 'variablesReference' | 'indexedVariables' | 'namedVariables'> {
    if (node.childCount === 0) return { variablesReference: 0 };
    const variablesReference = this.add({
      frameId: tree.frameId,
      list: async (start, count, hexOnly) => this.marked(await tree.memory.run(() => {
        tree.style.hexOnly = hexOnly || tree.inHex === true;
        return node.children(start, count).map((child) => ({ variable: this.node(child, childExpression(expression, kind, child.name), tree), span: spanOf(child) }));
      }), tree.frameId),
      nameOf: async (child) => childExpression(expression, kind, child),
    });
    return node.isIndexed
      ? { variablesReference, indexedVariables: node.childCount }
      : { variablesReference, namedVariables: node.childCount };
  }

  /** Variables of which a data breakpoint watches bytes are marked. */
  private async marked(listed: readonly Listed[], frameId: number | undefined): Promise<DebugProtocol.Variable[]> {
    const watched = await this.areWatched(listed.map(({ span }) => span), frameId);
    return listed.map(({ variable }, i) => (watched[i] ? { ...variable, ...WATCHED } : variable));
  }

  private register(scope: Scope, register: RegisterValue, frameId: number): DebugProtocol.Variable {
    const { fields } = register;
    const { cpu } = scope;
    const value = valueOfRegister({ name: register.name, value: register.value, bits: register.bits, readOnly: register.readOnly === true });
    if (value.kind === 'object') {
      const tree: Tree = { frameId, memory: scope.memory, style: { hexOnly: false } };
      const node = display(register.name, value, this.evaluation.options(scope, tree.style));
      return { ...registerVariable(cpu, register, 0), ...this.nodeReference(node, 'plain', `$${register.name}`, tree) };
    }
    const children = fields && fields.length > 0
      ? this.add({
        frameId,
        list: async () => fields.map((field) => flag(register.name, field)),
        nameOf: async (child) => `$${register.name}.${child}`,
      })
      : 0;
    return registerVariable(cpu, register, children);
  }

  private segment(cpu: CpuState, segment: SegmentValue, frameId: number): DebugProtocol.Variable {
    const isSettable = (part: string): boolean => registerNamed(cpu, `${segment.name}.${part}`)?.readOnly === false;
    const hidden = this.add({
      frameId,
      list: async () => hiddenParts(segment, addressDigits(cpu.codeBits)).map((part) => ({ ...part, ...readOnly(!isSettable(part.name)) })),
      nameOf: async (part) => `$${segment.name}.${part}`,
    });
    return {
      name: segment.name,
      value: `${hexOfWidth(BigInt(segment.selector), 16)} ${segmentText(cpu, segment)}`,
      type: 'segment register',
      variablesReference: hidden,
      namedVariables: 4,
      evaluateName: `$${segment.name}`,
      memoryReference: hex(segment.base),
    };
  }
}

/** Where a value of the program lies in memory, all of it. */
function spanOf({ address, around, type }: DisplayNode): Span | undefined {
  return around ?? (address === undefined ? undefined : { address, bytes: sizeOf(type) });
}

function spanOfValue(value: Shown['value']): Span | undefined {
  if (value.kind === 'integer' || value.place?.space.kind !== 'linear') return undefined;
  const { place: { address }, bitField } = value;
  return bitField ? bytesAround(bitField, address) : { address, bytes: sizeOf(value.type) };
}

function isPointer(value: Shown['value']): boolean {
  return value.kind === 'object' && stripType(value.type).kind === 'pointer';
}

/** The expression for a child of a value: `p->next`, `a[3]`, `*p`, `s.x`. */
function childExpression(parent: string | undefined, kind: 'pointer' | 'plain', child: string): string | undefined {
  if (parent === undefined || child === '(anonymous)') return undefined;
  const whole = /^[\w$.:>\-[\]]*$/.test(parent) ? parent : `(${parent})`;
  if (child === '*') return `*${whole}`;
  if (child.startsWith('[')) return `${whole}${child}`;
  return kind === 'pointer' ? `${whole}->${child}` : `${whole}.${child}`;
}

/** In the innermost frame the CPU's registers; in a caller those that could be recovered. */
function generalRegisters(scope: Scope): DebugProtocol.Variable[] {
  return scope.cpu.general.flatMap((register) => {
    const known = scope.register(register.name);
    return known ? [registerVariable(scope.cpu, { ...register, value: known.value, readOnly: known.readOnly }, 0)] : [];
  });
}

function registerVariable(cpu: CpuState, register: RegisterValue, variablesReference: number): DebugProtocol.Variable {
  const reference = memoryOfRegister(cpu, register);
  const digits = hexOfWidth(register.value, register.bits);
  // An x87 register is a number to people, and its digits tell them nothing.
  const isExtended = register.bits === 80;
  return {
    ...readOnly(register.readOnly === true),
    name: register.name,
    value: isExtended ? register.meaning ?? digits : digits,
    type: [`${register.bits}-bit register`, ...(isExtended ? [digits] : register.meaning === undefined ? [] : [register.meaning])].join(', '),
    variablesReference,
    evaluateName: `$${register.name}`,
    ...(reference ? { memoryReference: formatReference(reference) } : {}),
  };
}

function flag(register: string, field: RegisterField): DebugProtocol.Variable {
  const digits = field.bits === 1 ? field.value.toString() : hex(field.value);
  const position = field.bits === 1 ? `bit ${field.lowBit}` : `bits ${field.lowBit + field.bits - 1}:${field.lowBit}`;
  return {
    name: field.name,
    value: `${digits} ${field.meaning}`,
    type: position,
    variablesReference: 0,
    evaluateName: `$${register}.${field.name}`,
  };
}

/** What a segment is good for. 64-bit code uses FS and GS whatever their descriptors say: for their bases alone (SDM volume 3, 3.4.4). */
function segmentText(cpu: CpuState, { name, base, present, meaning }: SegmentValue): string {
  if (present) return meaning;
  return cpu.codeBits === 64 && (name === 'fs' || name === 'gs') ? `base ${hex(base, 16)}` : '(not present)';
}

function hiddenParts(segment: SegmentValue, digits: number): DebugProtocol.Variable[] {
  const parts: Presentation[] = [
    { name: 'base', value: hex(segment.base, digits), memoryReference: hex(segment.base), evaluateName: `$${segment.name}.base` },
    { name: 'limit', value: hex(segment.limit >>> 0, 8), evaluateName: `$${segment.name}.limit` },
    { name: 'attributes', value: hexOfWidth(BigInt(segment.attributes), 16), evaluateName: `$${segment.name}.attributes` },
    { name: 'meaning', value: segment.meaning },
  ];
  return parts.map((part) => ({ ...part, variablesReference: 0 }));
}

function readOnly(is: boolean): Pick<DebugProtocol.Variable, 'presentationHint'> {
  return is ? { presentationHint: { attributes: ['readOnly'] } } : {};
}
