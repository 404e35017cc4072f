import type { ProviderAccount } from '../governance/users';
import { fetchTimed } from '../invocation';
import { Unavailable } from '../protocol/error';
import { isObject } from '../protocol/mcp';
import { readText } from '../protocol/params';
import { refusedTarget } from '../protocol/public-url';
import { followWithin, OF_DOCUMENTS } from '../protocol/redirects';
import type { Settings } from '../settings';

/** How long a provider may take to answer, in milliseconds, and how long its answer may be, in bytes. */
const TIME = 8_000;
const SIZE = 262_144;

/** Why someone could not sign in, told apart only as far as the person can do something about it. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused';

  constructor(
    /** `declined`: the provider says the person went no further. `unverified`: the answer does not stand. `not_allowed`: it does, but not here. */
    readonly reason: 'declined' | 'unverified' | 'email_unverified' | 'not_allowed' | 'blocked',
    /** For the log: which check failed. Never a value that was sent. */
    detail: string,
    options?: ErrorOptions,
    /** The e-mail address of the account, for the person who tried it; where the provider vouches for it. */
    readonly account: string | null = null,
  ) {
    super(detail, options);
  }
}

/**
 * `fetch` towards a provider of this gateway, of sign-ins or of a server's tokens: to https on public hosts (or loopback, where the
 * deployment allows it), without following redirects, with time and size counted (SECURITY 17, 18).
 * @param who names it in faults. @throws Unavailable when it cannot be reached or does not end.
 */
export function boundedFetch(allowLoopback: boolean, who: string) {
  return async (url: string, init: RequestInit): Promise<Response> => {
    const refused = refusedTarget(url, allowLoopback);
    if (refused) throw new Unavailable(`an address of ${who} ${refused}`);
    const signal = AbortSignal.timeout(TIME);
    const fetched = await fetchTimed(url, { ...init, redirect: 'manual', signal }).catch((cause: unknown) => {
      throw new Unavailable(`${who} cannot be reached`, { cause });
    });
    const body = await readText(fetched.body, SIZE).catch((cause: unknown) => {
      throw new Unavailable(`${who} broke off`, { cause });
    });
    if (body === null) throw new Unavailable(`${who} said too much`);
    const { status, headers } = fetched;
    return new Response(status === 204 || status === 304 ? null : body, { status, headers });
  };
}

/**
 * The same, for requests that only a fault of the provider's own answers with 3xx, 429 or 5xx. @throws Unavailable then, too.
 * @param followed the redirects that are followed, within the origin (PROTOCOL §7)
 */
export function providerFetch(
  allowLoopback: boolean,
  who = 'the sign-in provider',
  followed: readonly number[] = [],
) {
  const send = boundedFetch(allowLoopback, who);
  return async (url: string, init: RequestInit): Promise<Response> => {
    const { response } = await followWithin(url, followed, (at) => send(at, init));
    const { status } = response;
    if (status >= 500 || status === 429 || (status >= 300 && status < 400)) {
      throw new Unavailable(`${who} answered ${status}`);
    }
    return response;
  };
}

/** What was met where a provider was looked for, with the address that was asked. `lacks`: a member its metadata must have. */
export type ProviderMet = { at: string; status?: number; issuer?: string; lacks?: string };

/** Reads a provider's metadata before it is saved (OpenID Connect Discovery §4). @returns null when people can be sent there */
export async function providerAt(issuer: string, allowLoopback: boolean): Promise<ProviderMet | null> {
  const at = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const response = await providerFetch(allowLoopback, undefined, OF_DOCUMENTS)(at, {});
    const { status } = response;
    const found = response.ok ? await response.json<unknown>().catch(() => null) : null;
    const lacks = missingMember(found);
    if (lacks) return { at, lacks };
    if (!isObject(found) || !found.issuer) return { at, status };
    const named = String(found.issuer);
    if (URL.canParse(named) && new URL(named).href === new URL(issuer).href) return null;
    return { at, issuer: named };
  } catch (error) {
    if (error instanceof Unavailable) return { at };
    throw error;
  }
}

/** What metadata of a provider must have to be of use (RFC 8414 §2, OpenID Connect Discovery §3). */
const NEEDED = ['issuer', 'authorization_endpoint', 'token_endpoint'];

/** The first member that a provider's metadata lacks; null: it lacks none, or is no provider's metadata. */
export function missingMember(document: unknown): string | null {
  if (!isObject(document)) return null;
  const missing = NEEDED.filter((member) => !document[member]);
  return missing.length < NEEDED.length ? (missing[0] ?? null) : null;
}

/** What was met, as the end of a sentence, for developers and for people. */
export function providerMetWords({ at, status, issuer, lacks }: ProviderMet): string {
  if (lacks) {
    return `the metadata at ${at} has no ${lacks.replace('_', ' ')}, which the people who run the provider have to add`;
  }
  if (issuer !== undefined) return `the provider there calls itself ${issuer.slice(0, 200)}`;
  if (status === undefined) return `nothing that can be used answered at ${at}`;
  return status < 300 ? `${at} is not the metadata of a provider` : `${at} answered with status ${status}`;
}

/**
 * An account as we keep it. Addresses compare without regard to the case of ASCII letters only: other letters that some
 * fold into ASCII (the Kelvin sign) must not come to mean another address.
 */
export function accountOf(issuer: string, subject: string, email: string, name: unknown): ProviderAccount {
  const address = email.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (!subject || !/^[^\s@<>"\p{C}]{1,64}@[^\s@<>"\p{C}]{1,190}$/u.test(address)) {
    throw new SignInRefused('unverified', 'the subject or the e-mail address is malformed');
  }
  const plain =
    typeof name === 'string'
      ? name
          .replace(/[\p{C}<>]/gu, '')
          .trim()
          .slice(0, 200)
      : '';
  return { issuer, subject, email: address, name: plain || address };
}

/** True when a verified address makes its person an administrator. */
export function isAdminEmail({ oidc }: Settings, email: string): boolean {
  return oidc.admin_emails.includes(email);
}

/** Where people sign in, as buttons name it; empty: nowhere. */
export function providerHost({ oidc, access }: Settings): string {
  return oidc.issuer ? new URL(oidc.issuer).host : (access.team_domain ?? '');
}
