import * as z from 'zod/mini';
import type { Operation, Operations } from './operation';

/** A message of a client (JSON-RPC 2.0; MCP, Messages). */
export const McpMessage = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.optional(z.union([z.string(), z.number()]).check(z.describe('Absent in a notification'))),
  method: z.optional(z.string().check(z.describe('Such as `tools/list` or `tools/call`'))),
  params: z.optional(z.looseObject({})),
  result: z.optional(z.looseObject({}).check(z.describe('Of an answer to the gateway'))),
});

/** The answer to a request. */
export const McpAnswer = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  result: z.optional(z.looseObject({})),
  error: z.optional(z.looseObject({ code: z.int(), message: z.string() })),
});

const AnonymousSession = z.object({
  message: z.string(),
  session: z.object({ id: z.string().check(z.describe('What to send as `x-bf-mcp-session-id`')) }),
});

const McpHeaders = z.object({
  'mcp-protocol-version': z.optional(
    z.string().check(z.describe('`2025-03-26`, `2025-06-18`, `2025-11-25` or `2026-07-28`')),
  ),
  'mcp-session-id': z.optional(
    z.string().check(z.describe('As `initialize` answered it (the revisions of 2025)')),
  ),
  'mcp-method': z.optional(z.string().check(z.describe('As in the body (2026-07-28)'))),
  'mcp-name': z.optional(
    z.string().check(z.describe('The tool, prompt or resource, as in the body (2026-07-28)')),
  ),
  'x-bf-mcp-include-clients': z.optional(
    z.string().check(z.describe('Only these servers, separated by commas; empty: none')),
  ),
  'x-bf-mcp-include-tools': z.optional(
    z
      .string()
      .check(z.describe('Only these tools, separated by commas, `server-*` for all of one; empty: none')),
  ),
});

const send: Operation = {
  id: 'sendMessage',
  tag: 'MCP',
  summary: 'Every server the caller may use, as one',
  description:
    'The Streamable HTTP transport of MCP: one message a request. Ask for both `application/json` and `text/event-stream`: a call that takes long, or says how it gets on, is answered as a stream. Tools are named `<server>-<tool>`. With the session of a 2025 revision, GET answers a stream of notifications that stays open, and DELETE ends the session; otherwise both answer 405.',
  access: 'caller',
  headers: McpHeaders,
  body: { schema: McpMessage, example: { jsonrpc: '2.0', id: 1, method: 'tools/list' } },
  answers: {
    200: { description: 'The answer, or a stream that ends with it', schema: McpAnswer, streams: true },
    202: { description: 'A notification was taken' },
  },
  refusals: ['rpc', 400, 401, 403, 404, 429, 503],
};

export const mcp: Operations = {
  'POST /mcp': send,
  'POST /mcp/{slug}': {
    ...send,
    id: 'sendMessageToSlug',
    summary: 'One server, or one toolset',
    description: 'The same for what has this address. The tools of one server have their own names.',
    path: { slug: 'The `endpoint_slug` of a server or toolset' },
  },
  'POST /api/mcp/session': {
    id: 'beginAnonymousSession',
    tag: 'MCP',
    summary: 'An identity for a caller who has none',
    description: 'Only while `enforce_auth_on_inference` is false.',
    access: 'anybody',
    answers: { 200: { description: 'The value to send along', schema: AnonymousSession } },
    refusals: ['api', 403, 503],
  },
};
