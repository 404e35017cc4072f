import type { Outcome } from './suite.ts';

/** How much in all was passed, failed and warned of. */
export function sumOf(outcomes: readonly Outcome[]): string[] {
  return (['passed', 'failed', 'warned'] as const).map((member) =>
    String(outcomes.reduce((sum, outcome) => sum + outcome[member], 0)),
  );
}

/** A table in Markdown. */
export function tableOf(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const cells = (line: readonly string[]) =>
    `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [head, head.map(() => '---'), ...lines].map(cells).join('\n');
}
