import { base64url } from 'jose';
import { hashSecret } from '../crypto/secrets';
import { NOT_KEPT } from '../oauth/flow-cookie';
import { type Choice, EVERYTHING } from './choice';
import type { UsableServer } from './services';

/** Characters of a digest that tells one server, or one list of tools, from others. */
const DIGEST = 8;

/** What is kept of a server that is ticked or whose tools are shown, a bit each; of one that is not named nothing is ticked. */
const MARKS = ['ticked', 'opened', 'reading', 'resources', 'prompts'] as const;
type Marks = Record<(typeof MARKS)[number], boolean>;

/**
 * What a form says, short enough for a cookie whatever was ticked: `<server><marks>`, and where its tools are shown
 * `<tools><a bit for each, by name>`, joined by dots.
 */
export async function packChoice(choice: Choice, usable: readonly UsableServer[]): Promise<string> {
  const out = new Set(choice.unticked.tools);
  const parts = usable.map(async (server) => {
    const { name, id } = server;
    const opened = choice.opened.includes(name);
    const marks: Marks = {
      ticked: !choice.unticked.servers.includes(name),
      opened,
      reading: choice.reading.includes(name),
      resources: !choice.unticked.resources.includes(name),
      prompts: !choice.unticked.prompts.includes(name),
    };
    if (!marks.ticked && !opened && !marks.reading) return [];
    const of = (await digestOf(id)) + bitsOf(MARKS.map((mark) => marks[mark]));
    if (!opened) return [of];
    const tools = toolsOf(server);
    return [of + (await listDigest(tools)) + bitsOf(tools.map(({ exposedName }) => !out.has(exposedName)))];
  });
  return (await Promise.all(parts)).flat().join('.');
}

/**
 * What {@link packChoice} kept, for the servers of now. Of a server whose tools are others by now nothing is ticked, nor of one
 * that is new: what was not shown must not come in. `isWhole` false: so it was.
 */
export async function unpackChoice(
  packed: string,
  usable: readonly UsableServer[],
): Promise<{ choice: Choice; isWhole: boolean }> {
  const kept = new Map(packed.split('.').map((part) => [part.slice(0, DIGEST), part.slice(DIGEST)]));
  const found = await Promise.all(
    usable.map(async (server) => ({ server, ...(await unpacked(server, kept)) })),
  );
  const namesOf = (is: (marks: Marks) => boolean) =>
    found.filter(({ marks }) => is(marks)).map(({ server }) => server.name);
  const choice: Choice = {
    ...EVERYTHING,
    unticked: {
      servers: namesOf(({ ticked }) => !ticked),
      tools: found.flatMap(({ out }) => out),
      resources: namesOf(({ opened, resources }) => opened && !resources),
      prompts: namesOf(({ opened, prompts }) => opened && !prompts),
    },
    opened: namesOf(({ opened }) => opened),
    reading: namesOf(({ reading }) => reading),
  };
  return { choice, isWhole: packed !== NOT_KEPT && found.every(({ isKnown }) => isKnown) };
}

const NONE: Marks = { ticked: false, opened: false, reading: false, resources: false, prompts: false };

type Unpacked = { marks: Marks; out: string[]; isKnown: boolean };

async function unpacked(server: UsableServer, kept: ReadonlyMap<string, string>): Promise<Unpacked> {
  const rest = kept.get(await digestOf(server.id));
  if (rest === undefined) return { marks: NONE, out: [], isKnown: true };
  const length = textLength(MARKS.length);
  const bits = bitsIn(rest.slice(0, length));
  const marks = Object.fromEntries(MARKS.map((mark, at) => [mark, bits(at)])) as Marks;
  if (!marks.opened) return { marks, out: [], isKnown: true };
  const tools = toolsOf(server);
  if (rest.slice(length, length + DIGEST) !== (await listDigest(tools)))
    return { marks: NONE, out: [], isKnown: false };
  const isIn = bitsIn(rest.slice(length + DIGEST));
  return {
    marks,
    out: tools.filter((_, at) => !isIn(at)).map(({ exposedName }) => exposedName),
    isKnown: true,
  };
}

/** In an order of their own: a server may list them in another one. */
function toolsOf({ tools }: UsableServer) {
  return tools.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function digestOf(text: string): Promise<string> {
  return (await hashSecret(text)).slice(0, DIGEST);
}

const listDigest = (tools: UsableServer['tools']) => digestOf(tools.map(({ name }) => name).join('\n'));

function bitsOf(bits: readonly boolean[]): string {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [at, bit] of bits.entries()) if (bit) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  return base64url.encode(bytes);
}

/** Characters that so many bits take. */
const textLength = (bits: number) => Math.ceil((Math.ceil(bits / 8) * 4) / 3);

function bitsIn(text: string): (at: number) => boolean {
  const bytes = base64url.decode(text);
  return (at) => ((bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
}
