import * as z from 'zod/mini';
import { EncryptionKeys } from '../api/answers/encryption-keys';
import { Health } from '../api/answers/health';
import { Reseal } from '../api/answers/reseal';
import { ShownSession } from '../api/answers/session';
import { SigningKeyRotation } from '../api/answers/signing-key';
import { SessionRequest } from '../api/session';
import { one, saved } from './crud';
import { HTML, type Operations } from './operation';
import { SettingsChange, ShownSettings } from './settings';

export const gateway: Operations = {
  'GET /health': {
    id: 'getHealth',
    tag: 'Gateway',
    summary: 'Whether the gateway works',
    description: 'Anybody learns whether it does; an administrator also which part does not.',
    access: 'anybody',
    answers: {
      200: { description: 'It works', schema: Health },
      503: { description: 'A secret is missing, or storage is not answering', schema: Health },
    },
    refusals: ['api', 429],
  },
  'GET /api/config': {
    id: 'getSettings',
    tag: 'Gateway',
    summary: 'Every setting in effect',
    access: 'administrator',
    answers: { 200: { description: 'The settings, secrets masked', schema: ShownSettings } },
    refusals: ['api', 401, 403, 503],
  },
  'PUT /api/config': {
    id: 'changeSettings',
    tag: 'Gateway',
    summary: 'Change settings',
    description:
      'Any of them; null returns one to its variable. In effect everywhere within `revocation_lag`. Answers all of them.',
    access: 'administrator',
    body: { schema: SettingsChange, example: { display_name: 'Acme tools', revocation_lag: 10 } },
    answers: { 200: { description: 'The settings now in effect', schema: ShownSettings } },
    refusals: ['api', 400, 401, 403, 413, 503],
  },
  'POST /api/oauth2/keys/rotate': {
    id: 'rotateSigningKey',
    tag: 'Gateway',
    summary: 'Replace the key that signs access tokens',
    description: 'Published before it signs; tokens of earlier keys stay valid until they expire.',
    access: 'administrator',
    answers: { 200: { description: 'The next key', schema: SigningKeyRotation } },
    refusals: ['api', 401, 403, 503],
  },
  'GET /api/encryption': {
    id: 'getEncryptionKeys',
    tag: 'Gateway',
    summary: 'What each encryption key is still needed for',
    description:
      'By ids that tell nothing about the keys. One that no longer seals anything can be left out.',
    access: 'administrator',
    answers: { 200: { description: 'The keys, the one that seals first', schema: EncryptionKeys } },
    refusals: ['api', 401, 403, 503],
  },
  'POST /api/encryption/reseal': {
    id: 'reseal',
    tag: 'Gateway',
    summary: 'Seal what is kept with the newest encryption key',
    description: 'One batch a call: call until `remaining` is 0.',
    access: 'administrator',
    answers: { 200: { description: 'What this batch did', schema: Reseal } },
    refusals: ['api', 401, 403, 503],
  },
  'POST /api/session': {
    id: 'signIn',
    tag: 'Gateway',
    summary: 'Sign a browser in with ADMIN_TOKEN',
    description: 'Sets a cookie for 12 hours.',
    access: 'anybody',
    body: { schema: SessionRequest, example: { token: '…' } },
    answers: {
      200: { ...saved('session', ShownSession, 'Signed in'), headers: { 'set-cookie': 'The session' } },
    },
    refusals: ['api', 400, 401, 403, 413, 429, 503],
  },
  'GET /api/session': {
    id: 'getSession',
    tag: 'Gateway',
    summary: 'Who is signed in',
    access: 'administrator',
    answers: { 200: one('session', ShownSession) },
    refusals: ['api', 401, 503],
  },
  'DELETE /api/session': {
    id: 'signOut',
    tag: 'Gateway',
    summary: 'Sign this browser out',
    access: 'anybody',
    answers: { 204: { description: 'Signed out, or never signed in' } },
    refusals: ['api', 403, 503],
  },
  'GET /oauth/sign-in': {
    id: 'beginSignIn',
    tag: 'Gateway',
    summary: 'Sign a person in with the identity provider',
    access: 'anybody',
    query: z.object({
      return_to: z.optional(z.string().check(z.describe('A path of this gateway to go on to'))),
    }),
    answers: { 302: { description: 'On to the provider', headers: { location: 'Where to' } } },
    refusals: ['page', 403, 404, 503],
  },
  'GET /api/oauth/callback': {
    id: 'completeSignIn',
    tag: 'Gateway',
    summary: 'Where identity providers and the providers of servers send people back',
    access: 'anybody',
    query: z.object({
      state: z.string(),
      code: z.optional(z.string()),
      error: z.optional(z.string().check(z.describe('When the provider refused'))),
      iss: z.optional(z.string().check(z.describe('The provider (RFC 9207)'))),
    }),
    answers: {
      200: { description: 'A page: an administrator has authorized a server', type: HTML },
      302: { description: 'Signed in or connected, and on', headers: { location: 'Where to' } },
    },
    refusals: ['page', 400, 403, 409, 410, 503],
  },
  'GET /api/openapi.json': {
    id: 'getDescription',
    tag: 'Gateway',
    summary: 'This description',
    access: 'anybody',
    answers: {
      200: {
        description: 'An OpenAPI 3.1 document',
        schema: z.looseObject({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}) }),
      },
    },
    refusals: ['api', 503],
  },
  'GET /api/docs': {
    id: 'getDocs',
    tag: 'Gateway',
    summary: 'This description, as pages',
    access: 'anybody',
    query: z.object({
      noun: z.optional(
        z.string().check(z.describe('Which group, such as `access-keys`; left out: the overview')),
      ),
    }),
    answers: { 200: { description: 'The page', type: HTML } },
    refusals: ['api', 503],
  },
};
