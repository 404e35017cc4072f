/** What a flood sends, and what each request of it may leave. For the command and for its story in the test run. */

/** Whom the flood misuses: a client that registered, and where the gateway says it is. */
export type Target = { issuer: string; clientId: string; redirectUri: string };

type Hostile = { path: string; method?: string; headers?: Record<string, string>; body?: string };

/** A kind of hostile request. */
export type Kind = {
  name: string;
  /** The `n`th request: each comes from an address of its own. */
  request(n: number, target: Target): Hostile;
  /** What each leaves: a row of a client, an entry in KV. A number: so many in all. Nothing else may be left. */
  leaves?: { client?: 'each' | number; kv?: 'each' };
  /** What it is answered. */
  status: number;
  /** Only while the gateway lets anonymous callers in. */
  isAnonymous?: true;
};

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const json = { 'content-type': 'application/json' };
const PING = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const CHALLENGE = 'a'.repeat(43);

/** The host of the `n`th metadata document of many hosts. */
const hostOf = (n: number) => `app-${n}.flood.example`;
/** The host of many documents. */
const ONE_HOST = 'apps.flood.example';

const authorize = (clientId: string, redirectUri: string) =>
  `/oauth2/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 's'.repeat(2000),
  })}`;

const described = (url: string): Hostile => ({ path: authorize(url, 'https://app.flood.example/cb') });

/** What looks like a refresh token, a code or a key of ours, and is none. */
const hex = (n: number) => n.toString(16).padStart(64, '0');
const forgedJwt = ({ issuer }: Target, n: number) => {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const claims = { iss: issuer, sub: 'vk:1', aud: `${issuer}/mcp`, jti: `${n}`, grant_id: hex(n), exp: 9e9 };
  return `${part({ alg: 'RS256', typ: 'at+jwt', kid: `kid-${n}` })}.${part(claims)}.${'x'.repeat(342)}`;
};
const mcp = (headers: Record<string, string>): Hostile => ({
  path: '/mcp',
  method: 'POST',
  headers: { ...json, accept: 'application/json, text/event-stream', ...headers },
  body: PING,
});

export const KINDS: readonly Kind[] = [
  {
    name: 'registrations, each from another address',
    request: (n) => ({
      path: '/oauth2/register',
      method: 'POST',
      headers: json,
      body: JSON.stringify({
        redirect_uris: [`https://app.flood.example/${n}`],
        client_name: 'x'.repeat(1000),
        contacts: ['y'.repeat(10_000)],
      }),
    }),
    leaves: { client: 'each' },
    status: 201,
  },
  {
    name: 'authorization requests',
    request: (_, { clientId, redirectUri }) => ({ path: authorize(clientId, redirectUri) }),
    leaves: { kv: 'each' },
    status: 302,
  },
  {
    name: 'authorization requests by HEAD',
    request: (_, { clientId, redirectUri }) => ({ path: authorize(clientId, redirectUri), method: 'HEAD' }),
    status: 302,
  },
  {
    name: 'authorization requests of unknown apps',
    request: (n) => ({ path: authorize(`app-${n}`, 'https://app.flood.example/cb') }),
    status: 400,
  },
  {
    name: 'metadata documents, each of another host',
    request: (n) => described(`https://${hostOf(n)}/client.json`),
    leaves: { client: 'each', kv: 'each' },
    status: 302,
  },
  {
    name: 'metadata documents of one host',
    request: (n) => described(`https://${ONE_HOST}/${n}.json`),
    leaves: { client: 50, kv: 'each' },
    status: 302,
  },
  {
    name: 'token requests with a forged code',
    request: (n, { clientId, redirectUri }) => ({
      path: '/oauth2/token',
      method: 'POST',
      headers: form,
      body: `${new URLSearchParams({
        grant_type: 'authorization_code',
        code: `${hex(n)}.${CHALLENGE}`,
        client_id: clientId,
        redirect_uri: redirectUri,
        code_verifier: CHALLENGE,
      })}`,
    }),
    status: 400,
  },
  {
    name: 'token requests with a forged refresh token',
    request: (n, { clientId }) => ({
      path: '/oauth2/token',
      method: 'POST',
      headers: form,
      body: `grant_type=refresh_token&refresh_token=${hex(n)}.1.${CHALLENGE}&client_id=${clientId}`,
    }),
    status: 400,
  },
  {
    name: 'revocations of forged tokens',
    request: (n, { clientId }) => ({
      path: '/oauth2/revoke',
      method: 'POST',
      headers: form,
      body: `token=${hex(n)}.1.${CHALLENGE}&client_id=${clientId}`,
    }),
    status: 200,
  },
  {
    name: "wrong administrator's tokens",
    request: (n) => ({ path: '/api/config', headers: { authorization: `Bearer ${hex(n)}` } }),
    status: 401,
  },
  { name: '/mcp without a credential', request: () => mcp({}), status: 401 },
  {
    name: '/mcp with a wrong key',
    request: (n) => mcp({ 'x-bf-vk': `sk-bf-${hex(n)}` }),
    status: 401,
  },
  {
    name: '/mcp with a forged token',
    request: (n, target) => mcp({ authorization: `Bearer ${forgedJwt(target, n)}` }),
    status: 401,
  },
  {
    name: 'consent forms without a cookie',
    request: (n) => ({
      path: '/oauth/consent',
      method: 'POST',
      headers: form,
      body: `flow_id=${String(n).padStart(22, 'A')}&form=x&identity=virtual_key&virtual_key=sk-bf-${n}`,
    }),
    status: 410,
  },
  { name: 'unknown paths', request: (n) => ({ path: `/nowhere/${n}` }), status: 404 },
  {
    name: 'anonymous session values',
    request: () => ({ path: '/api/mcp/session', method: 'POST', headers: json, body: '{}' }),
    status: 200,
    isAnonymous: true,
  },
];

/** The address the `n`th request comes from. */
export const addressOf = (n: number): string => `198.18.${(n >> 8) & 255}.${n & 255}`;

/** What a site of the flood answers: a good metadata document, whatever its address. Null: it is none of them. */
export function document(url: string): string | null {
  if (!new URL(url).hostname.endsWith('.flood.example')) return null;
  return JSON.stringify({ client_id: url, redirect_uris: ['https://app.flood.example/cb'] });
}
