import { labelOf } from '../accounts/auth/index';
import { askConnection, termsAt } from '../accounts/connections';
import type { CredentialOwner } from '../accounts/credential';
import { missingNames } from '../accounts/kept-credential';
import type { Env } from '../config';
import { say } from '../protocol/faults/wording';
import { UserHeaders } from '../servers/auth-settings';
import { UpstreamFailure } from '../servers/failure';
import { FAILURE_WORDS } from '../servers/failure-words';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { ask } from './client';
import { peerWith, refusedValues } from './header-trial';

/** How long a server may take to say whether it accepts a person's values. Milliseconds. */
const TIME = 10_000;

/** Whether header values serve at a server; if not, why, in words for the person who entered them. */
export type HeaderTrialResult = { ok: true } | { ok: false; words: string };

/**
 * Has a server judge header values (CONTRACT §7) and keeps those it accepts as `owner`'s. What is not entered stays as it is
 * held; what the server does not want is dropped.
 */
export async function saveOwnHeaders(
  env: Env,
  settings: Settings,
  issuer: string,
  {
    server,
    owner,
    entered,
  }: { server: Server; owner: CredentialOwner; entered: Readonly<Record<string, string>> },
): Promise<HeaderTrialResult> {
  const terms = termsAt(server, owner, issuer);
  const held = await askConnection(env, terms, (connection) => connection.keptHeaders(terms));
  const kept = missingNames(Object.keys(held), Object.keys(entered)).map((name) => [name, held[name] ?? '']);
  const values: Record<string, string> = { ...Object.fromEntries(kept), ...entered };
  const missing = missingNames(server.perUserHeaderKeys, Object.keys(values));
  if (missing.length) return { ok: false, words: askFor(server, missing) };

  const verdict = await judged(env, settings, issuer, server, values);
  if (!verdict.ok) return verdict;
  const saved = await askConnection(env, terms, (connection) => connection.saveHeaders(terms, values));
  return saved.ok ? saved : { ok: false, words: askFor(server, saved.missing) };
}

function askFor(server: Server, headers: readonly string[]): string {
  const isAlone = nounFor(server) === 'key';
  return `Enter ${isAlone ? `your ${server.name} key` : headers.map((name) => labelOf(server, name)).join(' and ')}.`;
}

/** What a server that wants one value calls it; null: it wants several. */
function nounFor(server: Server): string | null {
  const [header = '', ...more] = server.perUserHeaderKeys;
  if (more.length) return null;
  const label = labelOf(server, header);
  return label === header ? 'key' : label;
}

/** Why a server's values were not kept, for the person who entered them. */
function refusalWords(server: Server, failure: UpstreamFailure): string {
  const stated = refusedValues(server, failure);
  if (stated.reason !== 'values_refused') return say(FAILURE_WORDS, stated);
  const { said } = stated.params;
  const noun = nounFor(server);
  return `${server.name} doesn’t accept ${noun ? `this ${noun}` : 'these values'}${said && `: “${said}”`}.`;
}

/** Asks a server once, as someone with these header values would, beside those of the administrator. */
async function judged(
  env: Env,
  settings: Settings,
  issuer: string,
  server: Server,
  values: Readonly<Record<string, string>>,
): Promise<HeaderTrialResult> {
  const sendable = UserHeaders.safeParse(values);
  if (!sendable.success) return { ok: false, words: 'A header value has to be visible ASCII characters.' };
  try {
    const peer = await peerWith({ env, settings, issuer, server, owner: null }, values);
    await ask(peer, 'tools/list', {}, AbortSignal.timeout(TIME));
    return { ok: true };
  } catch (error) {
    if (error instanceof UpstreamFailure) return { ok: false, words: refusalWords(server, error) };
    throw error;
  }
}
