/** CPU models and switched features: what a selection has, and what is refused. */
import assert from 'node:assert/strict';
import { NOT_EMULATED } from '../../../../src/monitor/cpu/models/emulated';
import { FEATURES, definitionOf, switchableFeature, withNeeds, without, writtenName, type Feature, type FeatureSet } from '../../../../src/monitor/cpu/models/features';
import { DEFAULT_CPU_MODEL, MODELS, MODEL_NAMES, isModelName } from '../../../../src/monitor/cpu/models/models';
import { signatureOf } from '../../../../src/monitor/cpu/models/processor';
import { selectProcessor } from '../../../../src/monitor/cpu/models/selection';

function selected(text: string): FeatureSet {
  const selection = selectProcessor(text);
  assert.ok('processor' in selection, JSON.stringify(selection));
  return selection.processor.features;
}

function problem(text: string): string {
  const selection = selectProcessor(text);
  assert.ok('problem' in selection, 'it was accepted');
  return `${selection.problem.kind} ${selection.problem.word}`;
}

describe('CPU features', () => {
  it('each have a bit of their own', () => {
    const places = FEATURES.flatMap((feature) => definitionOf(feature).at?.join(' ') ?? []);
    assert.equal(new Set(places).size, places.length);
  });

  it('need only features that there are', () => {
    for (const feature of FEATURES) {
      for (const needed of definitionOf(feature).needs ?? []) assert.ok(FEATURES.some((known) => known === needed), `${feature} needs ${needed}`);
    }
  });

  it('need nothing that needs them', () => {
    for (const feature of FEATURES) {
      const needed = withNeeds([feature]);
      needed.delete(feature);
      for (const each of needed) assert.ok(!withNeeds([each]).has(feature), `${feature} and ${each}`);
    }
  });

  it('are known by all their spellings', () => {
    assert.equal(switchableFeature('sse4.2'), 'sse42');
    assert.equal(switchableFeature('SSE4_2'), 'sse42');
    assert.equal(switchableFeature('lahf_lm'), 'lahf');
    assert.equal(switchableFeature('abm'), 'lzcnt');
    assert.equal(switchableFeature('pclmulqdq'), 'pclmul');
    assert.equal(switchableFeature('tsc-deadline'), 'tscDeadline');
    for (const feature of FEATURES) if (!definitionOf(feature).fixed) assert.equal(switchableFeature(writtenName(feature)), feature);
  });

  it('go with what they need', () => {
    const all = withNeeds(['avx2']);
    for (const feature of ['avx', 'xsave', 'sse42', 'sse41', 'ssse3', 'sse3', 'sse2', 'sse', 'fxsr', 'mmx', 'fpu'] as const) assert.ok(all.has(feature), feature);
  });

  it('take along what cannot be without them', () => {
    const left = without(MODELS['x86-64-v3'].features, ['sse']);
    for (const gone of ['sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'avx', 'avx2', 'fma', 'f16c', 'aes', 'pclmul', 'lm', 'cx16', 'pcid'] as const) {
      assert.ok(!left.has(gone), gone);
    }
    for (const stays of ['fxsr', 'mmx', 'popcnt', 'bmi1', 'pae', 'nx', 'xsave'] as const) assert.ok(left.has(stays), stays);
  });
});

describe('CPU models', () => {
  it('are known by their names', () => {
    for (const name of ['8086', '486', 'pentium', 'pentium3', 'x86-64-v2', 'x86-64-v3']) assert.ok(isModelName(name), name);
    assert.ok(isModelName(DEFAULT_CPU_MODEL));
  });

  it('have everything that their features need', () => {
    for (const name of MODEL_NAMES) assert.deepEqual(new Set(withNeeds(MODELS[name].features)), new Set(MODELS[name].features), name);
  });

  // The levels of the x86-64 psABI, table 3.1 (OSFXSR, SCE and OSXSAVE are the system's part).
  const v2: readonly Feature[] = [
    'cmov', 'cx8', 'fpu', 'fxsr', 'mmx', 'syscall', 'sse', 'sse2', 'cx16', 'lahf', 'popcnt', 'sse3', 'sse41', 'sse42', 'ssse3', 'lm',
  ];
  const v3: readonly Feature[] = [...v2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'lzcnt', 'movbe', 'xsave'];
  it('have the psABI\'s levels', () => {
    for (const feature of v2) assert.ok(MODELS['x86-64-v2'].features.has(feature), feature);
    for (const feature of v3) assert.ok(MODELS['x86-64-v3'].features.has(feature), feature);
    for (const feature of ['avx', 'bmi1', 'movbe', 'lzcnt'] as const) assert.ok(!MODELS['x86-64-v2'].features.has(feature), feature);
  });

  it('have signatures of the processors that they are like', () => {
    const signatures = MODEL_NAMES.map((name) => [name, signatureOf(MODELS[name]).toString(16)]);
    assert.deepEqual(Object.fromEntries(signatures), {
      '8086': '0', '486': '480', pentium: '52c', 'pentium-pro': '66a', pentium3: '686', 'x86-64-v2': '106a5', 'x86-64-v3': '306c3',
    });
  });

  it('have brand strings that fit, with the leaves for them', () => {
    for (const { name, brand, extendedLeaves } of Object.values(MODELS)) {
      assert.ok(brand.length < 48, name);
      assert.equal(brand !== '', extendedLeaves >= 0x80000004, name);
    }
  });
});

describe('a CPU selection', () => {
  it('gives a model what is emulated of it', () => {
    for (const name of MODEL_NAMES) {
      const selection = selectProcessor(name);
      assert.ok('processor' in selection);
      for (const feature of NOT_EMULATED) assert.ok(!selection.processor.features.has(feature), `${name} ${feature}`);
      assert.equal(selection.processor.features.size + selection.missing.length, MODELS[name].features.size, name);
    }
  });

  it('switches from left to right', () => {
    assert.ok(!selected('pentium3,-pat').has('pat'));
    assert.ok(selected('pentium3,-pat,+pat').has('pat'));
    assert.ok(!selected('pentium3,+pat,-pat').has('pat'));
    assert.ok(selected(' 486 , +popcnt ').has('popcnt'));
  });

  it('takes more away than it was told where it must', () => {
    const features = selected('pentium3,-msr');
    for (const gone of ['msr', 'mtrr', 'pat', 'sep', 'mca'] as const) assert.ok(!features.has(gone), gone);
    assert.ok(features.has('pge'));
  });

  it('brings what an added feature needs', () => {
    assert.ok(selected('486,+mca').has('mce'));
    assert.ok(selected('486,+mca').has('msr'));
  });

  const refused: readonly (readonly [string, string])[] = [
    ['', 'unknown-model '],
    ['80386', 'unknown-model 80386'],
    ['486,popcnt', 'no-sign popcnt'],
    ['486,', 'no-sign '],
    ['486,+popcount', 'unknown-feature +popcount'],
    ['486,-i386', 'unknown-feature -i386'],
    ['486,+vmx', 'not-emulated +vmx'],
    ['8086,+popcnt', 'too-new +popcnt'],
    ['8086,+tsc', 'too-new +tsc'],
  ];
  for (const [text, expected] of refused) it(`refuses '${text}'`, () => assert.equal(problem(text), expected));
});
