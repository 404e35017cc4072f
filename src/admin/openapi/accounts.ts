import { Reauthorization, ShownAccount } from '../api/answers/connected-account';
import { AccountQuery } from '../api/connected-accounts';
import { many, one } from './crud';
import type { Operations } from './operation';

const ID = { id: 'Of the account' };

export const accounts: Operations = {
  'GET /api/mcp/sessions': {
    id: 'listAccounts',
    tag: 'Connected accounts',
    summary: 'List connected accounts',
    description:
      "Everyone's for an administrator; else those of the one who asks: a person signed in, an access key, an anonymous session. One that is connected hides what was begun to connect it again.",
    access: 'holder',
    query: AccountQuery,
    answers: { 200: many('sessions', ShownAccount) },
    refusals: ['api', 400, 401, 503],
  },
  'GET /api/mcp/sessions/{id}': {
    id: 'getAccount',
    tag: 'Connected accounts',
    summary: 'One connected account',
    access: 'holder',
    path: ID,
    answers: { 200: one('session', ShownAccount) },
    refusals: ['api', 401, 404, 503],
  },
  'DELETE /api/mcp/sessions/{id}': {
    id: 'disconnectAccount',
    tag: 'Connected accounts',
    summary: 'Disconnect an account',
    description:
      'What was begun to connect it ends too. Its provider is told, when it has an endpoint for that (RFC 7009).',
    access: 'holder',
    path: ID,
    answers: { 204: { description: 'Disconnected' } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'POST /api/mcp/sessions/{id}/reauth': {
    id: 'reconnectAccount',
    tag: 'Connected accounts',
    summary: 'Connect an account again',
    description:
      'Answers a link for whose account it is. A person can ask only for their own; of an access key or an anonymous session an administrator can, too.',
    access: 'holder',
    path: ID,
    answers: { 200: { description: 'Where to connect it', schema: Reauthorization } },
    refusals: ['api', 400, 401, 403, 404, 503],
  },
};
