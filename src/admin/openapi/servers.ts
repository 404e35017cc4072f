import * as z from 'zod/mini';
import { authTypes } from '../../accounts/auth/index';
import { type AuthSettings, NOTHING_KEPT } from '../../servers/auth-settings';
import { OAuthFlowInitiation } from '../api/answers/authorization';
import { CheckedInput } from '../api/answers/checked-input';
import { ShownPreset } from '../api/answers/preset';
import { ShownServer } from '../api/answers/server';
import { Page } from '../api/request';
import { HeaderSample } from '../api/servers';
import { CheckRequest } from '../api/servers/check';
import { newServer, serverMembers } from '../api/servers/request';
import { Message, many, one, saved } from './crud';
import type { Operations } from './operation';

/** A server as it is made. */
export const NewServer = z.lazy(() => newServer(false));

/** What may change of a server, whatever its auth type; its types may be sent back as they were shown. */
export const ServerChangeRequest = z.lazy(() => {
  const shapes = [...authTypes.values()].map(({ settings }) => settings(NOTHING_KEPT).shape);
  const { user_headers: _, ...members } = Object.assign({}, ...shapes) as AuthSettings['shape'];
  return z.partial(z.extend(serverMembers(false), members));
});

const Saved = z.object({ message: z.string(), client: ShownServer });
const ID = { id: 'Of the server' };

export const servers: Operations = {
  'GET /api/mcp/clients': {
    id: 'listServers',
    tag: 'Servers',
    summary: 'List servers',
    access: 'administrator',
    query: Page,
    answers: { 200: many('clients', ShownServer) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'POST /api/mcp/client': {
    id: 'createServer',
    tag: 'Servers',
    summary: 'Add a server',
    description:
      'Its address is the one where it was found: as given, where that redirects within its origin, or with `/mcp`; the message says so. It is asked for its tools at once, and saved whatever comes of that. `auth_type` left out is `none`; `disabled` may be sent in place of `enabled`. A header value `env.NAME` stands for the secret of that name. Where a server is authorized at its provider, the answer is an authorization to finish, and no one sees the server before; when its provider cannot be used, nothing is saved. Where everyone enters header values, your own `user_headers` are tried first, and nothing is saved when the server does not take them.',
    access: 'administrator',
    body: {
      schema: NewServer,
      example: {
        name: 'docs',
        connection_type: 'http',
        connection_string: 'https://mcp.example.com/mcp',
        auth_type: 'headers',
        headers: { 'X-Api-Token': 'env.DOCS_TOKEN' },
        tools_to_execute: ['*'],
      },
    },
    answers: {
      200: {
        description: 'Saved; or, where it has a provider, to be authorized',
        schema: z.union([Saved, OAuthFlowInitiation]),
      },
    },
    refusals: ['api', 400, 401, 403, 409, 413, 422, 503],
  },
  'POST /api/mcp/client/check': {
    id: 'checkServer',
    tag: 'Servers',
    summary: 'Check an address before a server is added',
    description:
      'Takes an address, the configuration of an MCP client as JSON (`mcpServers`, `servers`, or one entry), or a command. An address is asked as given, then with `/mcp` and `/sse`, without credentials; redirects within its origin are followed. Nothing is saved, and header values are answered masked.',
    access: 'administrator',
    body: { schema: CheckRequest, example: { input: 'https://mcp.example.com' } },
    answers: { 200: { description: 'Checked', schema: CheckedInput } },
    refusals: ['api', 400, 401, 403, 413, 503],
  },
  'GET /api/mcp/client/{id}': {
    id: 'getServer',
    tag: 'Servers',
    summary: 'One server, with its tools',
    access: 'administrator',
    path: ID,
    answers: { 200: one('client', ShownServer) },
    refusals: ['api', 401, 403, 404, 503],
  },
  'PUT /api/mcp/client/{id}': {
    id: 'changeServer',
    tag: 'Servers',
    summary: 'Change a server',
    description:
      'What is left out stays; a list that is sent replaces the one before. `connection_type` and `auth_type` never change. With another `connection_string`, the server is looked for there as a new one is, and `message` says where it was found.',
    access: 'administrator',
    path: ID,
    body: { schema: ServerChangeRequest, example: { tools_to_execute: ['search', 'read'], enabled: true } },
    answers: { 200: saved('client', ShownServer) },
    refusals: ['api', 400, 401, 403, 404, 409, 413, 503],
  },
  'GET /api/mcp/presets': {
    id: 'listPresets',
    tag: 'Servers',
    summary: 'Well-known servers, and how each is added',
    description:
      'What to send to `POST /api/mcp/client`, where to register an app for those that want one, and what to know of each. Facts of others, dated, with their source.',
    access: 'administrator',
    query: Page,
    answers: { 200: many('presets', ShownPreset) },
    refusals: ['api', 400, 401, 403, 503],
  },
  'DELETE /api/mcp/client/{id}': {
    id: 'deleteServer',
    tag: 'Servers',
    summary: 'Delete a server, its credentials and lists',
    access: 'administrator',
    path: ID,
    answers: { 200: { description: 'Deleted', schema: Message } },
    refusals: ['api', 401, 403, 404, 503],
  },
  'POST /api/mcp/client/{id}/verify-headers': {
    id: 'verifyHeaders',
    tag: 'Servers',
    summary: 'Try header values at a server, and list its tools with them',
    description:
      'Where everyone enters header values. The server lists its tools with them from then on; no other server is sent them. What it does not take changes nothing.',
    access: 'administrator',
    path: ID,
    body: { schema: HeaderSample, example: { user_headers: { 'X-Api-Token': 'the-value-you-were-given' } } },
    answers: {
      200: {
        description: 'Taken',
        schema: z.object({ status: z.enum(['success']), message: z.string(), tools_count: z.int() }),
      },
    },
    refusals: ['api', 400, 401, 403, 404, 413, 422, 503],
  },
  'POST /api/mcp/client/{id}/reconnect': {
    id: 'reconnectServer',
    tag: 'Servers',
    summary: 'Connect to a server again',
    access: 'administrator',
    path: ID,
    answers: { 200: saved('client', ShownServer) },
    refusals: ['api', 400, 401, 403, 404, 422, 503],
  },
  'POST /api/mcp/client/{id}/refresh-tools': {
    id: 'refreshTools',
    tag: 'Servers',
    summary: 'Ask a server for its tools now',
    access: 'administrator',
    path: ID,
    answers: {
      200: { description: 'Asked', schema: z.object({ message: z.string(), tool_count: z.int() }) },
    },
    refusals: ['api', 400, 401, 403, 404, 422, 503],
  },
};
