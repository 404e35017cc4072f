import { ask } from '../database';
import { clean } from '../servers/listed-item';
import { instructionsQuestion, type Offers, type StoredWords, storedWordsQuestion } from '../servers/words';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import { allowedItems } from './judge';
import { nothingToList } from './lists';
import { listsOf } from './server-lists';

/** Bytes of instructions on a joined address (PROTOCOL §6). */
const MOST = 8192;
/** Servers whose instructions are given there: more would have no room for a sentence each. */
const MOST_SERVERS = 32;

const utf8 = new TextEncoder();
const sizeOf = (text: string) => utf8.encode(text).length;

/** What a client learns first. */
type Greeting = { instructions: string | undefined; icons: unknown[]; offers: Offers };

/** Our own words, and those of servers; and the icons, and what else it offers, of the one server that is at its address. */
export async function greet(call: Call): Promise<Greeting> {
  const ours = await nothingToList(call);
  if (!call.isOneServer) return { instructions: await joined(call, ours), icons: [], offers: {} };
  const words = await wordsOfOne(call);
  const theirs = call.entries[0]?.server.passInstructions ? (words?.instructions ?? '') : '';
  return {
    instructions: [ours, theirs].filter(Boolean).join('\n\n') || undefined,
    icons: words?.icons ?? [],
    offers: words?.offers ?? {},
  };
}

/** What the one server at its address said of itself; null: nothing is stored. */
export async function wordsOfOne({ gate, entries }: Call): Promise<StoredWords | null> {
  const [entry] = entries;
  if (!entry) return null;
  const [words] = await ask(gate.env.DB, storedWordsQuestion(gate.env.DB, entry.server.id));
  return words;
}

/**
 * Ours first, then a block for each server of which the caller may use something: a line of ours that says whose words follow,
 * then these, every line quoted, so that no server can speak for another or for us.
 */
async function joined(call: Call, ours: string | undefined): Promise<string | undefined> {
  const { DB: db } = call.gate.env;
  const speaking = call.entries.filter(({ server }) => server.passInstructions);
  const ids = speaking.map(({ server }) => server.id);
  if (!ids.length) return ours;
  const [instructions] = await ask(db, instructionsQuestion(db, ids, MOST));
  const told = speaking.filter(({ server }) => instructions.has(server.id));
  const used: CatalogServer[] = [];
  for await (const [entry, lists] of listsOf(db, told)) {
    const isUsed = (['tool', 'prompt', 'resource', 'template'] as const).some(
      (kind) => allowedItems(call, entry, lists, kind).length,
    );
    if (isUsed) used.push(entry);
    if (used.length === MOST_SERVERS) break;
  }
  const blocks = used.map(({ server }) => blockOf(server, instructions.get(server.id) ?? ''));
  const room = MOST - (ours ? sizeOf(ours) + 2 : 0) - 2 * blocks.length;
  return [...(ours ? [ours] : []), ...shared(blocks.filter(Boolean), room)].join('\n\n') || undefined;
}

function blockOf({ name, endpointSlug }: CatalogServer['server'], instructions: string): string {
  const words = clean(instructions.replace(/\r\n?|[\u2028\u2029\u0085\v\f]/g, '\n')).trim();
  if (!words) return '';
  const prefix = /^\d/.test(endpointSlug) ? `s.${endpointSlug}` : endpointSlug;
  const quoted = words.split('\n').map((line) => `> ${line}`.trimEnd());
  return [
    `Server "${name}" (its tools and prompts begin with ${name}-, its resources with ${prefix}+); written by that server:`,
    ...quoted,
  ].join('\n');
}

/** The blocks within `room` bytes together, an equal share each: what one does not need of it is for the others. */
function shared(blocks: readonly string[], room: number): string[] {
  const bySize = [...blocks].sort((a, b) => sizeOf(a) - sizeOf(b));
  const fitting = new Map<string, string>();
  let rest = room;
  for (const [at, block] of bySize.entries()) {
    const fit = within(block, Math.floor(rest / (bySize.length - at)));
    fitting.set(block, fit);
    rest -= sizeOf(fit);
  }
  return blocks.map((block) => fitting.get(block) ?? '');
}

/** As much of a text as `most` bytes hold, whole characters, with `…` where it is cut. */
function within(text: string, most: number): string {
  const bytes = utf8.encode(text);
  if (bytes.length <= most) return text;
  const begin = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(
    bytes.subarray(0, most - 3),
    {
      stream: true,
    },
  );
  return `${begin}…`;
}
