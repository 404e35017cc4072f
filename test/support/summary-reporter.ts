import type { Reporter, TestModule } from 'vitest/node';

/**
 * What workerd and its peers print in a good run, too, and nothing can switch off:
 * - a server that a test has turned off: Miniflare's own Worker, through which requests go out, catches no fault; ours does;
 * - an answer that the gateway cuts off on purpose, because its server did, and a D1 that a test lets hang;
 * - a client of a test that sends a header in UTF-8, which workerd remarks on;
 * - a package that ships source maps without their sources.
 * What is left unhandled in our own code is vitest's to report: it fails the run.
 */
const EXPECTED = [
  /^exception = rust\/worker\/ffi\.rs:\d+: disconnected: /,
  /^uncaught exception; .*Error: Network connection lost\./,
  /^uncaught exception; .*UpstreamFailure: .* ended its answer before it was complete\./,
  /^uncaught exception; .*Error: Promise will never complete\./,
  /^A header value for "mcp-name" contains non-ASCII characters/,
  /^Sourcemap for ".*\/node_modules\/.*" points to missing source files/,
];

/** Leaves expected lines out, and ends the run with one plain line that any tool can read. */
export default class SummaryReporter implements Reporter {
  private leftOut = 0;

  onInit(): void {
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
      stream.write = (chunk: string | Uint8Array, ...given: unknown[]) => {
        if (!EXPECTED.some((line) => line.test(String(chunk)))) return write(chunk, ...given);
        this.leftOut++;
        return true;
      };
    }
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const { state } = test.result();
        count[state === 'pending' ? 'failed' : state] += 1;
        const { table } = test.meta();
        if (table) console.table(table);
      }
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed'))
        count.failed += 1;
    }
    if (this.leftOut)
      console.log(
        `\nLeft out: ${this.leftOut} messages about servers that tests turned off (test/support/summary-reporter.ts)`,
      );
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
