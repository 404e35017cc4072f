import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Stop } from '../stop.ts';

/** Asks for a secret on this terminal, without showing it. @param name also of the variable that may hold it @throws Stop where there is no terminal */
export async function askHidden(name: string): Promise<string> {
  requireTerminal(`${name} is needed: set it as an environment variable.`);
  process.stdout.write(`${name} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const answer = await lines.question('');
  lines.close();
  process.stdout.write('\n');
  return answer.trim();
}

/** Has the person type `word`. @throws Stop when they type anything else, or there is no terminal */
export async function confirm(question: string, word: string): Promise<void> {
  requireTerminal(`${question} With --yes it goes on without asking.`);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question(`${question} Type ${word} to go on: `);
  lines.close();
  if (answer.trim() !== word) throw new Stop('Nothing was changed.');
}

function requireTerminal(otherwise: string): void {
  if (!process.stdin.isTTY) throw new Stop(otherwise);
}
