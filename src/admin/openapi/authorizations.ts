import { OAuthFlowInitiation, Reregistration } from '../api/answers/authorization';
import { OAuthConfigStatus } from '../api/answers/oauth-config-status';
import { ShownServer } from '../api/answers/server';
import { Message, saved } from './crud';
import type { Operations } from './operation';

const SERVER = { id: 'Of the server' };
const CONFIG = { id: '`oauth_config_id` of the server' };

export const authorizations: Operations = {
  'POST /api/mcp/client/{id}/initiate-verification': {
    id: 'authorizeServer',
    tag: 'Servers',
    summary: 'Begin the first authorization of a server again',
    description: 'Where a server is authorized at its provider, until it is finished. Repeatable.',
    access: 'administrator',
    path: SERVER,
    answers: { 200: { description: 'Begun', schema: OAuthFlowInitiation } },
    refusals: ['api', 400, 401, 403, 404, 422, 503],
  },
  'POST /api/mcp/client/{id}/reauthorize': {
    id: 'reauthorizeServer',
    tag: 'Servers',
    summary: 'Authorize a server again',
    description:
      'The account it is asked with, by the client that is known at its provider. Until it is finished, the one before serves. 409 when everyone has their own account and the one that lists the tools is healthy.',
    access: 'administrator',
    path: SERVER,
    answers: { 200: { description: 'Begun', schema: OAuthFlowInitiation } },
    refusals: ['api', 400, 401, 403, 404, 409, 422, 503],
  },
  'POST /api/mcp/client/{id}/reregister': {
    id: 'reregisterServer',
    tag: 'Servers',
    summary: "Register with a server's provider again, and authorize it",
    description:
      'Only where the gateway registered itself (RFC 7591). Every account connected there has to be connected again.',
    access: 'administrator',
    path: SERVER,
    answers: { 200: { description: 'Registered, and begun', schema: Reregistration } },
    refusals: ['api', 400, 401, 403, 404, 422, 503],
  },
  'POST /api/mcp/client/{id}/complete-oauth': {
    id: 'completeAuthorization',
    tag: 'Servers',
    summary: 'The server, once its authorization was finished',
    description:
      'Callers see it from the moment the browser came back; this says so, once. 409 before that and the second time.',
    access: 'administrator',
    path: CONFIG,
    answers: { 200: saved('client', ShownServer) },
    refusals: ['api', 400, 401, 403, 404, 409, 503],
  },
  'GET /api/oauth/config/{id}/status': {
    id: 'getAuthorizationStatus',
    tag: 'Servers',
    summary: 'How far the authorization of a server is',
    access: 'administrator',
    path: CONFIG,
    answers: { 200: { description: 'Found', schema: OAuthConfigStatus } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'DELETE /api/oauth/config/{id}': {
    id: 'revokeAuthorization',
    tag: 'Servers',
    summary: 'End the authorization of a server',
    description:
      'Every token obtained with it ends, and its provider is told (RFC 7009). What is configured stays. Repeatable.',
    access: 'administrator',
    path: CONFIG,
    answers: { 200: { description: 'Revoked', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },
};
