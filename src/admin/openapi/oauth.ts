import * as z from 'zod/mini';
import { ClientMetadata } from '../../clients/metadata';
import { RegisteredClient } from '../../clients/registered-client';
import { identityModes } from '../../identity';
import { grantTypes } from '../../oauth/grant-types';
import {
  AuthorizationServerMetadata,
  ClientIdMetadataDocument,
  ProtectedResourceMetadata,
  TokenResponse,
} from '../../protocol/oauth-answers';
import { FORM, HTML, type Operation, type Operations } from './operation';

const CLIENT = '5b0c9a52-1c9f-4f2e-9d3a-6f0b6f3f6f10';
const CALLBACK = 'http://127.0.0.1:7777/callback';
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

/** Public signing keys, RFC 7517 §5. */
export const JwkSet = z.object({
  keys: z.array(
    z.discriminatedUnion('kty', [
      z.looseObject({
        ...{ kty: z.literal('RSA'), alg: z.literal('RS256') },
        ...{ use: z.literal('sig'), kid: z.string(), n: z.string(), e: z.string() },
      }),
      z.looseObject({
        ...{ kty: z.literal('EC'), alg: z.literal('ES256'), crv: z.literal('P-256') },
        ...{ use: z.literal('sig'), kid: z.string(), x: z.string(), y: z.string() },
      }),
    ]),
  ),
});

const AuthorizationQuery = z.object({
  client_id: z
    .string()
    .check(z.describe('As registered, or the https address of a Client ID Metadata Document')),
  redirect_uri: z.optional(
    z.string().check(z.describe('One that is registered; of a loopback address the port may differ')),
  ),
  response_type: z.literal('code'),
  code_challenge: z
    .string()
    .check(z.regex(/^[A-Za-z0-9_-]{43}$/), z.describe('SHA-256 of the verifier, base64url (RFC 7636 §4.2)')),
  code_challenge_method: z.literal('S256'),
  scope: z.optional(
    z.string().check(z.describe('`mcp`, `mcp:read` or `mcp:write`; unknown ones are dropped')),
  ),
  resource: z.optional(
    z.string().check(z.describe('`/mcp` or `/mcp/{slug}` of this gateway (RFC 8707); none is `/mcp`')),
  ),
  state: z.optional(z.string().check(z.maxLength(2000), z.describe('Comes back untouched'))),
  prompt: z.optional(z.string().check(z.describe('`none` is refused: a person decides every time'))),
});

const FlowQuery = z.object({ flow_id: z.string().check(z.describe('Of the authorization that waits')) });

const Decision = z.looseObject({
  flow_id: z.string(),
  form: z.string().check(z.describe('The hidden value of the form: bound to the flow and to its cookie')),
  decision: z.enum(['allow', 'deny', 'continue']),
  identity: z.optional(
    z.string().register(z.globalRegistry, {
      description: 'Who allows it',
      get documented() {
        return { type: 'string', enum: [...identityModes.keys()] };
      },
    }),
  ),
  virtual_key: z.optional(z.string().check(z.describe('With `identity=virtual_key`'))),
  access: z.optional(
    z
      .enum(['all', 'read', 'chosen'])
      .check(
        z.describe(
          'Everything, also what is added later; `read`: the same with `read_only`; `chosen`: what is ticked. Not sent: everything',
        ),
      ),
  ),
  services: z.optional(z.literal('shown').check(z.describe('Without `access`: as `access=chosen`'))),
  server: z.optional(
    z.array(z.string()).check(z.describe('With `access=chosen`: names of the servers ticked')),
  ),
  tool: z.optional(
    z
      .array(z.string())
      .check(
        z.describe(
          'Exposed names of the tools ticked: all of a server, or none where none was shown, is the whole server',
        ),
      ),
  ),
  shown: z.optional(
    z.array(z.string()).check(z.describe('Hidden: the tools that the form showed of a server')),
  ),
  read_only: z.optional(z.literal('on').check(z.describe('Grants `mcp:read`'))),
  expires_in: z.optional(z.enum(['28800', '2592000', '0']).check(z.describe('Seconds; 0: until withdrawn'))),
});

const ClientInForm = {
  client_id: z.optional(z.string().check(z.describe('Unless it is sent as HTTP Basic'))),
  client_secret: z.optional(z.string().check(z.describe('Of apps registered with `client_secret_post`'))),
};

/** A form of the token endpoint, RFC 6749 §3.2: one for each grant type. */
export const TokenRequest = z.lazy(() =>
  z.union(
    [...grantTypes].map(([name, { form }]) =>
      z.object({ grant_type: z.literal(name), ...form, ...ClientInForm }),
    ),
  ),
);

const Revocation = z.object({
  token: z.string().check(z.describe('An access or a refresh token')),
  ...ClientInForm,
});

const resource: Operation = {
  id: 'getProtectedResource',
  tag: 'Discovery',
  summary: 'Where to get a token for /mcp',
  description: 'RFC 9728. A 401 of `/mcp` points here.',
  access: 'anybody',
  answers: { 200: { description: 'The metadata', schema: ProtectedResourceMetadata } },
  refusals: ['oauth', 404, 503],
};

const server: Operation = {
  id: 'getAuthorizationServer',
  tag: 'Discovery',
  summary: 'How to get a token',
  description: 'RFC 8414. The same document is served with a resource path appended.',
  access: 'anybody',
  answers: { 200: { description: 'The metadata', schema: AuthorizationServerMetadata } },
  refusals: ['oauth', 404, 503],
};

const SLUG = { slug: 'The `endpoint_slug` of a server or toolset' };

const register: Operation = {
  id: 'registerClient',
  tag: 'Authorization',
  summary: 'Register an app',
  description:
    'RFC 7591. Open to anybody, nothing is fetched. Members the gateway does not know are ignored, grant and response types it does not serve left out. Body: 16 KiB, 64 levels deep.',
  access: 'anybody',
  body: { schema: ClientMetadata, example: { client_name: 'My agent', redirect_uris: [CALLBACK] } },
  answers: { 201: { description: 'Registered', schema: RegisteredClient } },
  refusals: ['oauth', 400, 404, 415, 429, 503],
};

const authorize: Operation = {
  id: 'authorize',
  tag: 'Authorization',
  summary: 'Send a person here to allow an app',
  description:
    'The authorization endpoint, for browsers. Until app and redirect address are known good a refusal is a page here; afterwards it goes back to the app with `error`, `error_description`, `state` and `iss`.',
  access: 'anybody',
  query: AuthorizationQuery,
  answers: { 302: { description: 'On to consent, or back to the app', headers: { location: 'Where to' } } },
  refusals: ['page', 400, 404, 429, 503],
};

const authorizeByForm: Operation = {
  ...authorize,
  id: 'authorizeByForm',
  summary: 'The same, its parameters in a form',
  query: undefined,
  body: {
    schema: AuthorizationQuery,
    type: FORM,
    example: {
      client_id: CLIENT,
      redirect_uri: CALLBACK,
      response_type: 'code',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    },
  },
};

const token: Operation = {
  id: 'getToken',
  tag: 'Authorization',
  summary: 'Get tokens for a code or a refresh token',
  description:
    'RFC 6749 §3.2, with PKCE. A code works once. Each use of a refresh token replaces it; a lost answer may be asked for again with the same token.',
  access: 'app',
  body: {
    schema: TokenRequest,
    type: FORM,
    example: {
      grant_type: 'authorization_code',
      client_id: CLIENT,
      code: '…',
      code_verifier: VERIFIER,
      redirect_uri: CALLBACK,
    },
  },
  answers: { 200: { description: 'The tokens', schema: TokenResponse } },
  refusals: ['oauth', 400, 401, 404, 429, 503],
};

/** An older name of an operation (CONTRACT §2). */
function older(operation: Operation, id: string): Operation {
  return { ...operation, id, isDeprecated: true, description: 'An older name of the same.' };
}

export const oauth: Operations = {
  'GET /.well-known/oauth-protected-resource': { ...resource, id: 'getProtectedResourceAtRoot' },
  'GET /.well-known/oauth-protected-resource/mcp': resource,
  'GET /.well-known/oauth-protected-resource/mcp/{slug}': {
    ...resource,
    id: 'getProtectedResourceOfSlug',
    summary: 'Where to get a token for one server or toolset',
    description: 'RFC 9728, for any well-formed slug.',
    path: SLUG,
  },
  'GET /.well-known/oauth-authorization-server': server,
  'GET /.well-known/oauth-authorization-server/mcp': { ...server, id: 'getAuthorizationServerOfMcp' },
  'GET /.well-known/oauth-authorization-server/mcp/{slug}': {
    ...server,
    id: 'getAuthorizationServerOfSlug',
    path: SLUG,
  },
  'GET /.well-known/jwks.json': {
    id: 'getSigningKeys',
    tag: 'Discovery',
    summary: 'The public keys of access tokens',
    description:
      'RFC 7517: the active key, the next one, and those whose tokens still live. Cached for 300 seconds.',
    access: 'anybody',
    answers: { 200: { description: 'The keys', schema: JwkSet } },
    refusals: ['oauth', 404, 503],
  },

  'GET /oauth/client.json': {
    id: 'getClientDocument',
    tag: 'Discovery',
    summary: 'Who this gateway is to the providers of its servers',
    description:
      'Our own Client ID Metadata Document, whose address is our `client_id` where a provider takes such documents. Cached for an hour.',
    access: 'anybody',
    answers: { 200: { description: 'The document', schema: ClientIdMetadataDocument } },
    refusals: ['oauth', 404, 503],
  },

  'POST /oauth2/register': register,
  'GET /oauth2/authorize': authorize,
  'POST /oauth2/authorize': authorizeByForm,
  'POST /oauth2/token': token,
  'POST /oauth2/revoke': {
    id: 'revokeToken',
    tag: 'Authorization',
    summary: 'End what an app was allowed',
    description: 'RFC 7009. Either token ends the whole grant; one that is not known is answered alike.',
    access: 'app',
    body: { schema: Revocation, type: FORM, example: { client_id: CLIENT, token: '…' } },
    answers: { 200: { description: 'Ended, or never there' } },
    refusals: ['oauth', 400, 401, 404, 503],
  },
  'GET /oauth/consent': {
    id: 'showConsent',
    tag: 'Authorization',
    summary: 'The page on which a person decides',
    access: 'anybody',
    query: FlowQuery,
    answers: { 200: { description: 'The page, with one form', type: HTML } },
    refusals: ['page', 403, 404, 409, 410, 503],
  },
  'GET /oauth/consent/tools': {
    id: 'showConsentTools',
    tag: 'Authorization',
    summary: "A server's tools, for that page to show once they are opened",
    description: "With the flow's cookie, after the step that asks who the person is. Acts on nothing.",
    access: 'anybody',
    query: z.extend(FlowQuery, { server: z.string().check(z.describe('Its name')) }),
    answers: { 200: { description: 'Part of the page', type: HTML } },
    refusals: ['page', 403, 404, 409, 410, 503],
  },
  'POST /oauth/consent': {
    id: 'decide',
    tag: 'Authorization',
    summary: "A person's decision",
    description:
      "What the page's form sends, with the flow's cookie. A script takes the form that has `decision`, keeps its action, hidden inputs and ticked boxes, sets the fields, and follows the redirects until one leads to the app.",
    access: 'anybody',
    body: {
      schema: Decision,
      type: FORM,
      example: { flow_id: '…', form: '…', identity: 'virtual_key', virtual_key: '…', decision: 'continue' },
    },
    answers: {
      200: { description: 'The page again, saying what is missing', type: HTML },
      303: { description: 'On to the next step, or back to the app', headers: { location: 'Where to' } },
    },
    refusals: ['page', 403, 404, 409, 410, 429, 503],
  },

  'POST /api/oauth/per-user/register': older(register, 'registerClientPerUser'),
  'GET /api/oauth/per-user/authorize': older(authorize, 'authorizePerUser'),
  'POST /api/oauth/per-user/authorize': older(authorizeByForm, 'authorizePerUserByForm'),
  'POST /api/oauth/per-user/token': older(token, 'getTokenPerUser'),
  'POST /register': older(register, 'registerClientAtRoot'),
  'GET /authorize': older(authorize, 'authorizeAtRoot'),
  'POST /authorize': older(authorizeByForm, 'authorizeAtRootByForm'),
  'POST /token': older(token, 'getTokenAtRoot'),
};
