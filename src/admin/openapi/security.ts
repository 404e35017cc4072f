import type { AllowedCaller } from './operation';

/** Ways to say who calls (CONTRACT §§5, 6, 8). */
export const SECURITY_SCHEMES = {
  adminToken: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN, as a bearer token' },
  adminPassword: {
    type: 'http',
    scheme: 'basic',
    description: 'ADMIN_TOKEN as the password, with any user name',
  },
  adminKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'ADMIN_TOKEN in the header `x-api-key`',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-toolgate-session',
    description:
      'The cookie of a browser that signed in: by `POST /api/session`, or at `/oauth/sign-in`. Operations for administrators need an administrator’s. Writes also send `x-csrf-token`. On http loopback the cookie’s name has no prefix',
  },
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'An access token of `/oauth2/token`; `/.well-known/oauth-protected-resource/mcp` says where to begin',
  },
  virtualKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-bf-vk',
    description:
      'An access key. Also as `Authorization: Bearer sk-bf-…`, `x-bf-virtual-key`, `x-api-key` or `x-goog-api-key`',
  },
  anonymousSession: {
    type: 'apiKey',
    in: 'header',
    name: 'x-bf-mcp-session-id',
    description: 'A value of `POST /api/mcp/session`, while anonymous use is on',
  },
  appSecret: {
    type: 'http',
    scheme: 'basic',
    description: '`client_id` and `client_secret` of an app registered with `client_secret_basic`',
  },
};

/** What each kind of caller sends: one of these. */
export const SECURITY: Readonly<Record<AllowedCaller, Record<string, string[]>[]>> = {
  anybody: [],
  administrator: [{ adminToken: [] }, { adminPassword: [] }, { adminKey: [] }, { session: [] }],
  key: [{ virtualKey: [] }],
  holder: [
    { session: [] },
    { virtualKey: [] },
    { anonymousSession: [] },
    { adminToken: [] },
    { adminPassword: [] },
    { adminKey: [] },
  ],
  caller: [{ accessToken: [] }, { virtualKey: [] }, { anonymousSession: [] }],
  app: [{}, { appSecret: [] }],
};
