import { ShownEvent } from '../api/answers/audit-event';
import { ShownClient } from '../api/answers/client';
import { ShownGrant } from '../api/answers/grant';
import { ShownUser } from '../api/answers/user';
import { AuditQuery } from '../api/audit';
import { GrantChangeRequest, GrantQuery } from '../api/grants';
import { Page } from '../api/request';
import { UserChangeRequest } from '../api/users';
import { Message, many, one, saved } from './crud';
import type { Operations } from './operation';

const USER = { id: 'Of the person' };
const CLIENT = { id: 'The `client_id`; of a metadata document its address, percent-encoded' };

export const people: Operations = {
  'GET /api/users': {
    id: 'listUsers',
    tag: 'People',
    summary: 'List people',
    access: 'administrator',
    query: Page,
    answers: { 200: many('users', ShownUser) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'GET /api/users/{id}': {
    id: 'getUser',
    tag: 'People',
    summary: 'One person',
    access: 'administrator',
    path: USER,
    answers: { 200: one('user', ShownUser) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'PUT /api/users/{id}': {
    id: 'changeUser',
    tag: 'People',
    summary: 'Block a person, or say what they may use',
    description:
      'A blocked person stays blocked when they sign in again: their apps, browsers and keys are refused.',
    access: 'administrator',
    path: USER,
    body: { schema: UserChangeRequest, example: { is_active: false } },
    answers: { 200: saved('user', ShownUser) },
    refusals: ['api', 400, 401, 403, 404, 413, 503],
  },
  'DELETE /api/users/{id}': {
    id: 'deleteUser',
    tag: 'People',
    summary: 'Delete a person',
    description:
      'Ends what apps were allowed and signs out their browsers. They may sign in as a new person.',
    access: 'administrator',
    path: USER,
    answers: { 200: { description: 'Deleted', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },

  'GET /api/oauth2/clients': {
    id: 'listClients',
    tag: 'Apps',
    summary: 'List apps',
    access: 'administrator',
    query: Page,
    answers: { 200: many('clients', ShownClient) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'GET /api/oauth2/clients/{id}': {
    id: 'getClient',
    tag: 'Apps',
    summary: 'One app',
    access: 'administrator',
    path: CLIENT,
    answers: { 200: one('client', ShownClient) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'DELETE /api/oauth2/clients/{id}': {
    id: 'deleteClient',
    tag: 'Apps',
    summary: 'Delete an app',
    description: 'Everything it was allowed ends.',
    access: 'administrator',
    path: CLIENT,
    answers: { 200: { description: 'Deleted', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'GET /api/oauth2/sessions': {
    id: 'listGrants',
    tag: 'Apps',
    summary: 'What apps are allowed',
    access: 'administrator',
    query: GrantQuery,
    answers: { 200: many('sessions', ShownGrant) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'GET /api/oauth2/sessions/{id}': {
    id: 'getGrant',
    tag: 'Apps',
    summary: 'What one app is allowed',
    access: 'administrator',
    path: { id: 'Of the grant' },
    answers: { 200: one('session', ShownGrant) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'PUT /api/oauth2/sessions/{id}': {
    id: 'changeGrant',
    tag: 'Apps',
    summary: 'Change what one app is allowed',
    description:
      'Holds within `revocation_lag`; when `read_only` goes off, the app has the wider scope from its next refresh. Whatever narrows is taken. What widens is refused for a person, who does that themselves (403).',
    access: 'administrator',
    path: { id: 'Of the grant' },
    body: { schema: GrantChangeRequest, example: { read_only: true } },
    answers: { 200: saved('session', ShownGrant) },
    refusals: ['api', 400, 401, 403, 404, 413, 503],
  },
  'DELETE /api/oauth2/sessions/{id}': {
    id: 'endGrant',
    tag: 'Apps',
    summary: 'End what an app is allowed',
    description: 'Its refresh token is refused at once, its access tokens within `revocation_lag`.',
    access: 'administrator',
    path: { id: 'Of the grant' },
    answers: { 204: { description: 'Ended' } },
    refusals: ['api', 401, 403, 404, 503],
  },

  'GET /api/audit': {
    id: 'listEvents',
    tag: 'Audit',
    summary: 'What happened, newest first',
    description: 'Kept for 90 days. No arguments and no secrets are in it.',
    access: 'administrator',
    query: AuditQuery,
    answers: { 200: many('events', ShownEvent) },
    refusals: ['api', 400, 401, 403, 503],
  },
};
