import * as z from 'zod/mini';
import { FORM, HTML, type Operations } from './operation';

const LINK = { id: 'Of the link' };

const ConnectQuery = z.object({
  mcp_client_id: z
    .string()
    .check(z.describe('A server where everyone has their own account with its provider')),
  flow_id: z.optional(z.string().check(z.describe('Of the consent under way in this browser'))),
  handoff_id: z.optional(z.string().check(z.describe('Of a link, whose page is shown'))),
});

const FromConsent = z.object({
  flow_id: z.string(),
  form: z.string().check(z.describe('From the page')),
  mcp_client_id: z.string(),
});

const AtLink = z.object({
  form: z.string().check(z.describe('From the page')),
  virtual_key: z.optional(z.string().check(z.describe('Before the link is used: the key it is for'))),
  session_value: z.optional(z.string().check(z.describe('The same for an anonymous session'))),
  server: z.optional(z.string().check(z.describe('Once it is used: which account to connect'))),
});

/** How people connect accounts of their own (CONTRACT §§4, 6). */
export const connecting: Operations = {
  'GET /api/oauth/per-user/upstream/authorize': {
    id: 'connectAccount',
    tag: 'Connected accounts',
    summary: 'Connect an account of one’s own',
    description:
      'Takes exactly one of `flow_id`, with the cookie of that flow, and `handoff_id`, which does nothing.',
    access: 'anybody',
    query: ConnectQuery,
    answers: {
      302: {
        description: 'On to the provider, or to the page of the link',
        headers: { location: 'Where to' },
      },
    },
    refusals: ['page', 400, 403, 404, 409, 410, 503],
  },
  'POST /api/oauth/per-user/upstream/authorize': {
    id: 'connectAccountByForm',
    tag: 'Connected accounts',
    summary: 'The same from the form of consent, whose ticks are kept',
    access: 'anybody',
    body: { schema: FromConsent, type: FORM, example: { flow_id: '…', form: '…', mcp_client_id: '…' } },
    answers: { 303: { description: 'On to the same address by GET', headers: { location: 'Where to' } } },
    refusals: ['page', 403, 404, 409, 410, 503],
  },
  'GET /connect/{id}': {
    id: 'showLink',
    tag: 'Connected accounts',
    summary: 'The page of a link that connects accounts',
    description:
      'Tells for whom it is, and does nothing. Links come with the answer to a call whose server wants an account of the caller’s own; each works for 15 minutes, in one browser.',
    access: 'anybody',
    path: LINK,
    answers: { 200: { description: 'The page', type: HTML } },
    refusals: ['page', 403, 409, 410, 503],
  },
  'POST /connect/{id}': {
    id: 'useLink',
    tag: 'Connected accounts',
    summary: 'Prove to be the one a link is for, then connect an account',
    access: 'anybody',
    path: LINK,
    body: { schema: AtLink, type: FORM, example: { form: '…', virtual_key: '…' } },
    answers: {
      303: { description: 'On to the provider, or to the page again', headers: { location: 'Where to' } },
    },
    refusals: ['page', 403, 409, 410, 429, 503],
  },
};
