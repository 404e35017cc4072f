import { DEFAULT_AUTH_TYPE } from '../accounts/auth/index';
import type { Peer } from '../accounts/connect';
import { isObject, type JsonObject } from '../protocol/mcp';
import { discover } from '../providers/discovery';
import { ProviderProblem } from '../providers/provider-problem';
import { Unauthorized, UpstreamFailure } from '../servers/failure';
import type { FailureStated } from '../servers/failure-words';
import type { ConnectionType, ServerInfo } from '../servers/server';
import { findEndpoint } from './find-endpoint';
import { readListing } from './listing';
import { wordsTo } from './met';
import { DECLARED_TO_LIST } from './questions/while-listing';
import { inOwnSession } from './sessions/sessions';

/** What a tool does, as its server describes it; without a description it can edit. */
type Does = 'read' | 'write' | 'remove';

/** What a server that answers anyone lists: how many tools of each kind, the first of them, and what it calls itself. */
export type PublicServer = {
  kind: 'open';
  tools: number;
  kinds: Record<Does, number>;
  first: { name: string; says: string; does: Does }[];
  info: ServerInfo | null;
  /** How long it took to list everything. Milliseconds. */
  took: number;
};

/** What an address is found to be, before anything is saved. */
export type Finding =
  | PublicServer
  /** It wants people to sign in at its provider. `registersItself`: the gateway can introduce itself there. */
  | { kind: 'oauth'; provider: string; registersItself: boolean }
  | { kind: 'credentials' }
  | { kind: 'website' }
  /** It redirects to another origin, where nothing was asked. */
  | { kind: 'elsewhere'; to: string }
  | { kind: 'failed'; failure: FailureStated };

/** How long someone waits for each part of a check. Milliseconds. */
const PATIENCE = 8_000;
/** Tools that are shown, and characters of what each says of itself. */
const MOST_SHOWN = 5;
const MOST_SAID = 110;

type Asking = { allowLoopback: boolean; canBeDescribed: boolean };

/**
 * Finds a server at an address or near it, and what it wants, without telling it who asks: it answers, or demands a sign-in (and
 * whether the gateway can introduce itself to the provider), or wants other credentials, or does not answer.
 * @param address judged already: https and public
 * @returns the address the finding is about, too: the one given, or where the server was found; and how it is spoken to
 */
export async function checkAddress(
  address: string,
  asking: Asking,
): Promise<{ url: string; connectionType: ConnectionType; finding: Finding }> {
  const place = await findEndpoint(address);
  switch (place.kind) {
    case 'website':
    case 'elsewhere':
      return { url: address, connectionType: 'http', finding: place };
    default: {
      const { kind: connectionType, url } =
        place.kind === 'unknown' ? { kind: 'http' as const, url: address } : place;
      return { url, connectionType, finding: await findingAt(url, connectionType, asking) };
    }
  }
}

async function findingAt(
  url: string,
  connectionType: ConnectionType,
  { allowLoopback, canBeDescribed }: Asking,
): Promise<Finding> {
  const name = new URL(url).host;
  const id = `check ${crypto.randomUUID()}`;
  const credentials = { headers: new Headers(), version: '', refused: null };
  const server = { id, name, connectionType, connectionString: url, authType: DEFAULT_AUTH_TYPE };
  const peer: Peer = { server, credentials, owner: null, sharer: null };
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const began = Date.now();
    const { listing, failure } = await inOwnSession(peer, DECLARED_TO_LIST, () => readListing(peer, signal));
    if (failure) throw failure;
    const listed = publicServer((listing.tool ?? []).map((definition) => JSON.parse(definition)));
    return { ...listed, info: wordsTo(peer)?.info ?? null, took: Date.now() - began };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    if (error instanceof Unauthorized) return demanded(url, allowLoopback, canBeDescribed);
    if (error.stated.reason === 'forbidden') return { kind: 'credentials' };
    return { kind: 'failed', failure: error.stated };
  }
}

/** @param definitions of tools, checked */
function publicServer(definitions: JsonObject[]): Omit<PublicServer, 'info' | 'took'> {
  const kinds = { read: 0, write: 0, remove: 0 };
  const tools = definitions.map(({ name, description, annotations }) => {
    const hints = isObject(annotations) ? annotations : {};
    const does: Does = hints.readOnlyHint ? 'read' : hints.destructiveHint ? 'remove' : 'write';
    kinds[does] += 1;
    const says = typeof description === 'string' ? description.replace(/\s+/g, ' ').trim() : '';
    return {
      name: String(name),
      says: says.length > MOST_SAID ? `${says.slice(0, MOST_SAID)}…` : says,
      does,
    };
  });
  return { kind: 'open', tools: tools.length, kinds, first: tools.slice(0, MOST_SHOWN) } as const;
}

/** What a server that refuses strangers wants of them: a provider's tokens when it has one, else some header. */
async function demanded(url: string, allowLoopback: boolean, canBeDescribed: boolean): Promise<Finding> {
  const { host } = new URL(url);
  const beginning = { serverName: host, serverUrl: url, configured: {}, allowLoopback, redirectUri: '' };
  try {
    const { discovered } = await discover(beginning);
    if (discovered.isUndescribed) return { kind: 'credentials' }; // a guess, which nothing confirms
    const { issuer, authorizationEndpoint, registrationEndpoint, takesDocuments } = discovered;
    return {
      kind: 'oauth',
      provider: new URL(issuer ?? authorizationEndpoint).host,
      registersItself: registrationEndpoint !== null || (takesDocuments && canBeDescribed),
    };
  } catch (error) {
    if (error instanceof ProviderProblem) return { kind: 'credentials' };
    throw error;
  }
}
