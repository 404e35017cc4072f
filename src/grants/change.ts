import type { By } from '../audit';
import type { Env } from '../config';
import { Unavailable } from '../protocol/error';
import type { ReadingTerms } from '../protocol/mcp-config';
import type { ChangeableTerms, ConsentedServer } from './grant';
import { askGrant, findGrant, type Grant, nameGrant } from './store';
import { endOf, type Today } from './today';

/** What to change of a grant; a member that is left out stays. */
export type GrantChange = Partial<ChangeableTerms & Pick<Grant, 'givenName'>>;

/** How often a change is decided again because another one came first. */
const TRIES = 5;
/** Characters that the audit keeps of what was and is allowed. */
const MOST_WORDS = 2000;

/**
 * Changes what a grant allows (CONTRACT §8): its object first, then the index, from which `/mcp` knows within the lag. What
 * changes nothing is not told to the audit.
 * @param decide what to change of the grant as it is, null: nothing; asked again when another change came first
 * @param names of servers, by id, for the audit
 * @returns the grant as it is then; null when there is none, or it has ended
 * @throws Unavailable when the index could not be told, which the same request or the grant's object then does
 */
export async function changeGrant(
  env: Pick<Env, 'DB' | 'GRANTS'>,
  grantId: string,
  { today, by, names }: { today: Today; by: By; names: ReadonlyMap<string, string> },
  decide: (grant: Grant) => Promise<GrantChange | null>,
): Promise<Grant | null> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const grant = await findGrant(env.DB, grantId);
    if (!grant || endOf(grant, today)) return null;
    const { givenName = grant.givenName, ...terms } = (await decide(grant)) ?? {};
    const changed = { ...grant, ...terms };
    const [before, after] = [grant, changed].map((one) => wordsOf(one, names)) as [string, string];
    if (!isSame(grant, changed)) {
      const { servers, readOnly, expiresAt } = changed;
      const outcome = await askGrant(env.GRANTS, grantId, (object) =>
        object.change(grant.termsVersion, { servers, readOnly, expiresAt }, { by, before, after }),
      );
      if (outcome === 'index_behind') throw new Unavailable('the index was not told what a grant allows');
      if (outcome === 'elsewhere') continue;
      if (outcome !== 'changed') return null;
    }
    if (givenName !== grant.givenName) {
      const words = ({ givenName }: Pick<Grant, 'givenName'>) => `name: ${givenName ?? 'its own'}`;
      await nameGrant(env.DB, grantId, givenName, { by, before: words(grant), after: words({ givenName }) });
    }
    return findGrant(env.DB, grantId);
  }
  throw new Unavailable('a grant is changed by others again and again');
}

function isSame(one: ChangeableTerms, other: ChangeableTerms): boolean {
  return (
    one.readOnly === other.readOnly &&
    one.expiresAt === other.expiresAt &&
    sameText(one.servers) === sameText(other.servers)
  );
}

/** The same text for the same servers and tools, whatever their order. */
function sameText(servers: readonly ConsentedServer[] | null): string {
  const sorted = servers?.map(({ id, tools, allow_resources = null, allow_prompts = null }) =>
    JSON.stringify([id, tools && [...tools].sort(), allow_resources, allow_prompts]),
  );
  return JSON.stringify(sorted?.sort() ?? null);
}

/** What a grant allows, in a line for the audit. */
function wordsOf(
  { servers, readOnly, expiresAt }: ChangeableTerms,
  names: ReadonlyMap<string, string>,
): string {
  const nameOf = (id: string) => names.get(id) ?? 'a server that is gone';
  const listed = servers?.map(({ id, tools, ...reading }) =>
    [nameOf(id), tools ? `(${tools.join(', ')})` : '(all)', ...readingWords(reading)].join(' '),
  );
  const what = listed ? listed.join('; ') || 'nothing' : 'all';
  const rest = `${readOnly ? ', read only' : ''}, until ${expiresAt === null ? 'withdrawn' : timeOf(expiresAt)}`;
  return `${what.length > MOST_WORDS ? `${what.slice(0, MOST_WORDS)}…` : what}${rest}`;
}

function readingWords({ allow_resources: resources, allow_prompts: prompts }: ReadingTerms): string[] {
  const said = (what: string, allowed: boolean | null | undefined) =>
    typeof allowed === 'boolean' ? [`${allowed ? 'with' : 'without'} ${what}`] : [];
  return [...said('resources', resources), ...said('prompts', prompts)];
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

/** What a change adds to a grant. */
export type Widening = {
  servers: 'all' | readonly ConsentedServer[];
  /** Tools added to a server that was in, by its id; null: all that it had not, and those to come. */
  tools: ReadonlyMap<string, readonly string[] | null>;
  /** Ids of servers whose resources or prompts are added. */
  reading: readonly string[];
  /** True when tools that change something are added. */
  writing: boolean;
};

/** What a change would add; null when it only narrows. Earlier and later ends are not its matter. */
export function wideningOf(grant: Grant, change: GrantChange): Widening | null {
  const { servers: next = grant.servers, readOnly = grant.readOnly } = change;
  const writing = grant.readOnly && !readOnly && (grant.askedScope ?? grant.scope) !== grant.scope;
  const added: Widening = { ...serversAdded(grant.servers, next), writing };
  const isNone = added.servers.length === 0 && added.tools.size === 0 && added.reading.length === 0;
  return isNone && !writing ? null : added;
}

function serversAdded(
  before: readonly ConsentedServer[] | null,
  after: readonly ConsentedServer[] | null,
): Omit<Widening, 'writing'> {
  const none = { servers: [], tools: new Map(), reading: [] };
  if (before === null) return none;
  if (after === null) return { ...none, servers: 'all' };
  const known = new Map(before.map((server) => [server.id, server]));
  const added = {
    servers: [] as ConsentedServer[],
    tools: new Map<string, readonly string[] | null>(),
    reading: [] as string[],
  };
  for (const server of after) {
    const was = known.get(server.id);
    if (!was) {
      added.servers.push(server);
      continue;
    }
    const tools = toolsAdded(was, server);
    if (tools === null || tools.length) added.tools.set(server.id, tools);
    if (readsMore(was, server)) added.reading.push(server.id);
  }
  return added;
}

function toolsAdded({ tools: before }: ConsentedServer, { tools: after }: ConsentedServer): string[] | null {
  if (before === null) return [];
  return after?.filter((name) => !before.includes(name)) ?? null;
}

/** True when more of what a server has beside its tools may be read, or may come to be. */
function readsMore(before: ConsentedServer, after: ConsentedServer): boolean {
  const rank = (server: ConsentedServer, member: keyof ReadingTerms) =>
    ({ true: 2, false: 0, unsaid: server.tools === null ? 2 : 1 })[
      String(server[member] ?? 'unsaid') as 'true' | 'false' | 'unsaid'
    ];
  return (['allow_resources', 'allow_prompts'] as const).some(
    (member) => rank(after, member) > rank(before, member),
  );
}
