import { createHash, randomBytes } from 'node:crypto';
import { consent } from '../../demo/consent.ts';
import { type Answer, send, sendJson } from '../measure/client.ts';
import type { Side } from './side.ts';

/** Nothing listens there: the answer to consent is read from the redirect. */
const CALLBACK = 'http://127.0.0.1:9/callback';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** What discovery leads to, as paths. */
export type Found = { resource: string; authorize: string; token: string; register: string };
export type Client = { client_id: string };
/** What consent gave, to be redeemed once. */
export type Code = { code: string; verifier: string };
/** A grant as its client has it. */
export type Grant = { found: Found; client: Client; accessToken: string; refreshToken: string };

export const resourceMetadata = ({ mcpPath }: Side) => `/.well-known/oauth-protected-resource${mcpPath}`;
export const SERVER_METADATA = '/.well-known/oauth-authorization-server';
export const JWKS = '/.well-known/jwks.json';

/** Discovery, RFC 9728 and RFC 8414. */
export async function discover(side: Side): Promise<Found> {
  const { origin } = side;
  const { resource } = await sendJson<{ resource: string }>(origin, { path: resourceMetadata(side) });
  const server = await sendJson<Record<string, string>>(origin, { path: SERVER_METADATA });
  const path = (member: string) => new URL(server[member] ?? '').pathname;
  return {
    resource,
    authorize: path('authorization_endpoint'),
    token: path('token_endpoint'),
    register: path('registration_endpoint'),
  };
}

/** Registers an app of its own (RFC 7591): the name differs each time. */
export function sendRegistration({ origin }: Side, { register }: Found): Promise<Answer> {
  const body = JSON.stringify({
    client_name: `Benchmark ${randomBytes(8).toString('hex')}`,
    redirect_uris: [CALLBACK],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
  return send(origin, { path: register, method: 'POST', headers: JSON_TYPE, body });
}

/** From the authorization request to the code, with the person's answers on the way. */
export async function authorize(side: Side, found: Found, client: Client): Promise<Code> {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(found.authorize, side.origin);
  url.search = String(
    new URLSearchParams({
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: CALLBACK,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: randomBytes(16).toString('base64url'),
      resource: found.resource,
    }),
  );
  const callback = await consent(url, side.answers);
  const code = callback.searchParams.get('code');
  if (!code) throw new Error(`consent led to ${callback}`);
  return { code, verifier };
}

export function sendCode({ origin }: Side, found: Found, client: Client, code: Code): Promise<Answer> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: code.code,
    code_verifier: code.verifier,
    redirect_uri: CALLBACK,
    client_id: client.client_id,
    resource: found.resource,
  });
  return send(origin, { path: found.token, method: 'POST', headers: FORM, body: String(body) });
}

export function sendRefresh({ origin }: Side, { found, client, refreshToken }: Grant): Promise<Answer> {
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: client.client_id,
    resource: found.resource,
  });
  return send(origin, { path: found.token, method: 'POST', headers: FORM, body: String(body) });
}

/** The tokens of an answer. @throws Error with what was answered instead */
export function tokensIn({ status, text }: Answer): Pick<Grant, 'accessToken' | 'refreshToken'> {
  if (status !== 200) throw new Error(`the token endpoint answered ${status}: ${text.slice(0, 300)}`);
  const { access_token, refresh_token } = JSON.parse(text) as Record<string, string>;
  if (!access_token || !refresh_token) throw new Error(`no tokens: ${text.slice(0, 300)}`);
  return { accessToken: access_token, refreshToken: refresh_token };
}

/** Registers an app. @throws Error with what was answered */
export async function register(side: Side, found: Found): Promise<Client> {
  const { status, text } = await sendRegistration(side, found);
  if (status !== 201) throw new Error(`registration answered ${status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Client;
}

/** The whole flow of an app that is registered already. */
export async function obtainGrant(side: Side, found: Found, client: Client): Promise<Grant> {
  const code = await authorize(side, found, client);
  return { found, client, ...tokensIn(await sendCode(side, found, client, code)) };
}

/** How many flows go on at once. */
const TOGETHER = 8;

/** Gives a side grants, by the whole flow. */
export async function obtainGrants(side: Side, count: number): Promise<void> {
  const found = await discover(side);
  const client = await register(side, found);
  while (side.grants.length < count) {
    const some = Math.min(TOGETHER, count - side.grants.length);
    side.grants.push(
      ...(await Promise.all(Array.from({ length: some }, () => obtainGrant(side, found, client)))),
    );
  }
}
