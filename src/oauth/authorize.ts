import { type Context, Hono } from 'hono';
import { logAct, logRefusal } from '../audit';
import { redirectUriMatches } from '../clients/metadata';
import { isDocumentUrl, uncheckedSince } from '../clients/metadata-document';
import { type Client, findClient } from '../clients/store';
import { expectFlow } from '../clients/unallowed';
import { type App, gatewayOf, withinLimit } from '../config';
import { hashSecret, randomSecret } from '../crypto/secrets';
import { FLOW_LIFE, putFlow } from '../flows';
import { addressOf } from '../protocol/address';
import { authorizationResponse, parseAuthorizationRequest } from '../protocol/authorization';
import { Destination } from '../protocol/destination';
import { OAuthError } from '../protocol/error';
import { params, readBody } from '../protocol/params';
import { PageProblem, sendOn } from '../ui/layout';
import { cut } from '../ui/name';
import { requireAllowedRedirect } from './allowed-redirect';
import { describedClient } from './described-client';
import { dropOldFlows, writeFlowState } from './flow-cookie';
import { issuerOf, surface } from './surface';
import { sendBack } from './way-back';

/** Characters of an address that a `state` may take which goes back with an error: a longer one no one takes. */
const MOST_ECHOED = 20_000;

/** The authorization endpoint, RFC 6749 §3.1. Until client and redirect URI are known good, errors stay here. */
export const authorize = new Hono<App>()
  .use(surface)
  .use(async (c, next) => {
    if (!(await withinLimit(c.env, c.env.AUTHORIZATIONS, addressOf(c.req.raw))))
      throw new PageProblem(TOO_MANY);
    await next();
  })
  .get('/', (c) => begin(c, new URL(c.req.url).searchParams))
  .post('/', async (c) => {
    const form = await readBody(c.req.raw, 64 * 1024);
    if (form === null) throw new PageProblem(malformed('it is longer than 64 KiB'));
    return begin(c, new URLSearchParams(form));
  });

async function begin(c: Context<App>, query: URLSearchParams): Promise<Response> {
  const issuer = issuerOf(c.var.issuer);
  const client = await knownClient(c, query, issuer);
  if (client === null) return lookedAt(issuer);
  const redirectUri = knownRedirectUri(client, query);
  requireAllowedRedirect(c.var.settings, redirectUri);
  const now = Math.floor(Date.now() / 1000);
  try {
    const ids = { clientId: client.clientId, redirectUri };
    const request = parseAuthorizationRequest(params(query), ids, client.metadata.scope, issuer);

    if (c.req.method === 'HEAD') return lookedAt(issuer);

    const flowId = randomSecret(16);
    const secret = randomSecret();
    const grantId = c.env.GRANTS.newUniqueId().toString();
    await expectFlow(c.env.DB, client, now + FLOW_LIFE);
    await putFlow(c.env.KV, c.env.ENCRYPTION_KEY, flowId, {
      request,
      clientName: client.metadata.client_name ?? null,
      clientSince: client.createdAt,
      clientUncheckedSince: uncheckedSince(client),
      grantId,
      browserHash: await hashSecret(secret),
      createdAt: now,
      expiresAt: now + FLOW_LIFE,
    });
    logAct(c, { act: 'authorization.begun', client_id: client.clientId, grant_id: grantId });

    const cookies = await dropOldFlows(c.env.ENCRYPTION_KEY, issuer, c.req.header('cookie'));
    cookies.push(await writeFlowState(c.env.ENCRYPTION_KEY, issuer, flowId, { secret, at: now }));
    return sendOn(Destination.own(issuer, `/oauth/consent?flow_id=${flowId}`), cookies, 302);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const states = query.getAll('state');
    const isShort = new URLSearchParams({ state: states[0] ?? '' }).toString().length <= MOST_ECHOED;
    const state = states.length === 1 && isShort ? states[0] : undefined;
    const name = client.metadata.client_name ?? 'The app';
    const code = logRefusal(c, 400, error.code);
    return sendBack(gatewayOf(c), {
      is: 'error',
      client: { id: client.clientId, name },
      destination: authorizationResponse(redirectUri, state || undefined, issuer, error.toParameters()),
      title: `${cut(name)} can’t be connected`,
      children: `The app’s developer needs to fix this: ${error.message}.`,
      reference: { code, requestId: c.var.requestId },
    });
  }
}

/** The answer to HEAD where GET would begin a flow: its status, and nothing kept. */
function lookedAt(issuer: string): Response {
  return sendOn(Destination.own(issuer, '/oauth/consent'), [], 302);
}

/** The client that asks; null: HEAD asked, and GET would have to fetch its document first. */
async function knownClient(c: Context<App>, query: URLSearchParams, issuer: string): Promise<Client | null> {
  const ids = query.getAll('client_id');
  if (ids.length > 1) throw new PageProblem(malformed('client_id is repeated'));
  if (!ids[0]) throw new PageProblem(malformed('client_id is missing'));
  if (isDocumentUrl(ids[0]))
    return describedClient(c, ids[0], issuer, `${new URL(c.req.url).pathname}?${query}`);
  const client = await findClient(c.env.DB, ids[0]);
  if (client) return client;
  throw new PageProblem({
    status: 400,
    title: 'This app isn’t registered',
    text: 'It never registered here, or its registration was removed because it wasn’t used for a long time. In the app, remove this connection and add it again.',
  });
}

const TOO_MANY = {
  status: 429,
  title: 'Too many requests',
  text: 'Too many apps are being connected from your network. Wait a minute, then go back to the app and connect again.',
  retryAfter: 60,
};

function knownRedirectUri({ metadata }: Client, query: URLSearchParams): string {
  const uris = query.getAll('redirect_uri');
  if (uris.length > 1) throw new PageProblem(malformed('redirect_uri is repeated'));
  const [only, ...more] = metadata.redirect_uris;
  const asked = uris[0] || (more.length ? undefined : only); // RFC 6749 §3.1.2.3: may be left out when there is one
  if (!asked) throw new PageProblem(malformed('redirect_uri is missing'));
  if (redirectUriMatches(metadata.redirect_uris, asked)) return asked;
  throw new PageProblem({
    status: 400,
    title: 'This app asked to return to an address it didn’t register',
    text: 'Nothing was sent there. If you were connecting an app you trust, remove this connection in the app and add it again. If you came here from a link, close this page.',
  });
}

function malformed(detail: string) {
  return {
    status: 400,
    title: 'The app sent an incomplete request',
    text: `Go back to the app and connect again. If it happens again, the app’s developer needs to fix this: ${detail}.`,
  };
}
