// A mocha reporter for `npm test`: prints failures when they happen, and leaves counts and skipped tests in the file
// that its option `output` names, for test.mjs to add up.
const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

const { EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Runner.constants;

/** A test that takes longer than this is named, with its time. */
const SLOW_MS = 5000;

class Results extends reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const { output } = options.reporterOptions;
    const results = { passed: 0, failed: 0, skipped: [] };
    runner.on(EVENT_TEST_PASS, (test) => {
      results.passed += 1;
      if (test.duration > SLOW_MS) console.log(`  slow: ${test.fullTitle()} (${(test.duration / 1000).toFixed(1)} s)`);
    });
    runner.on(EVENT_TEST_PENDING, (test) => { results.skipped.push(test.fullTitle()); });
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      results.failed += 1;
      console.log(`  FAILED: ${test.fullTitle()}`);
      const stack = error.stack ?? String(error);
      const text = stack.includes(error.message) ? stack : `${error.message}\n${stack}`;
      console.log(text.split('\n').map((line) => `      ${line}`).join('\n'));
    });
    runner.on(EVENT_RUN_END, () => { writeFileSync(output, JSON.stringify(results)); });
  }
}

module.exports = Results;
