import { consent } from '../../demo/consent.ts';
import { freePort } from '../dev/ports.ts';
import { FieldGateway } from '../field/gateway.ts';
import { Stop } from '../stop.ts';
import type { Behind } from './behind.ts';
import { type Outcome, runSuite } from './suite.ts';

/** What access tokens are signed with: that of a gateway as it is shipped, and the other. */
export const ALGORITHMS = ['RS256', 'ES256'] as const;

/**
 * {@link runAuthorization} with access tokens that are signed so. A key of another kind signs only after ten minutes, so `ES256` has
 * a gateway of its own, whose first key is of that kind.
 */
export async function runAuthorizationWith(
  alg: (typeof ALGORITHMS)[number],
  behind: Behind,
): Promise<Outcome[]> {
  if (alg === 'RS256') return runAuthorization(behind);
  const gateway = await FieldGateway.start({ OAUTH2_SERVER_CONFIG_SIGNING_ALG: alg });
  try {
    const outcomes = await runAuthorization(gateway.facts);
    const { keys } = (await (await fetch(`${gateway.facts.url}/.well-known/jwks.json`)).json()) as Jwks;
    if (keys.some((key) => key.alg !== alg)) throw new Stop(`The gateway signs with ${keys[0]?.alg}.`);
    return outcomes;
  } finally {
    await gateway.stop();
  }
}

type Jwks = { keys: { alg: string }[] };

/** Runs the suite in authorization mode against the gateway, and is the person it sends to the gateway's pages. */
async function runAuthorization({ url, virtual_key }: Behind): Promise<Outcome[]> {
  console.log('authorization mode');
  const port = await freePort();
  const clientId = await register(url, `http://127.0.0.1:${port}/callback`);
  const args = ['authorization', '--url', url, '--client-id', clientId, '--port', String(port)];
  const answers = { identity: 'virtual_key', virtual_key };
  let person: Promise<unknown> = Promise.resolve();
  const outcomes = await runSuite(args, {}, (line) => {
    if (!line.startsWith(`${url}/`)) return;
    person = consent(line, answers).then((callback) => fetch(callback));
    person.catch((error: unknown) => console.error(error)); // the suite says that no one came back
  });
  await person.catch(() => undefined);
  return outcomes;
}

/** @returns the client's id */
async function register(url: string, redirectUri: string): Promise<string> {
  const response = await fetch(`${url}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Conformance', redirect_uris: [redirectUri] }),
  });
  const text = await response.text();
  if (!response.ok) throw new Stop(`Registering was answered with ${response.status}: ${text}`);
  return (JSON.parse(text) as { client_id: string }).client_id;
}
