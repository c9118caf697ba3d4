// What a run of vitest comes to: every test passed or failed, nothing in between.

/**
 * From vitest's JSON report (`undefined` when it wrote none) and its exit code. What is skipped or not written counts as
 * failed, so does a file that broke outside of its tests, a run that ran nothing, and an error that no test had.
 */
export function countOf(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1, said: [`the test runner ended with exit code ${exitCode} and without a report`] };
  const said = [];
  let passed = 0;
  let failed = 0;
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++;
      else {
        failed++;
        said.push(test.status === 'failed' ? `FAILED ${file.name} › ${test.fullName}\n${(test.failureMessages?.[0] ?? '').slice(0, 2_000)}` : `NOT RUN (${test.status}) ${file.name} › ${test.fullName}`);
      }
    }
    if (file.status === 'failed' && file.assertionResults.every(({ status }) => status === 'passed')) {
      failed++;
      said.push(`FAILED ${file.name}\n${(file.message || 'the file broke outside of its tests').slice(0, 2_000)}`);
    } else if (file.assertionResults.length === 0) {
      failed++;
      said.push(`FAILED ${file.name}\nholds no test`);
    }
  }
  if (passed + failed === 0) {
    failed++;
    said.push('no test was run');
  }
  if (failed === 0 && exitCode !== 0) {
    failed++;
    said.push(`every test passed, but the test runner ended with exit code ${exitCode}: an error outside of any test (see above)`);
  }
  return { passed, failed, said };
}
