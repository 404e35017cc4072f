import * as z from 'zod/mini';
import { OAuthRefusal } from '../../protocol/oauth-answers';
import type { RefusalStyle } from './operation';

/** A refusal of the management API. */
const Refusal = z.object({
  error: z.object({
    type: z.string().check(z.describe('What a program acts on, such as `not_found`')),
    message: z.string().check(z.describe('A sentence for a person')),
    field: z.optional(z.string()).check(z.describe('The dotted name of the member at fault')),
  }),
});

/** A refusal of `/mcp`: a JSON-RPC error, with the id of the message when it could be read. */
const RpcRefusal = z.object({
  jsonrpc: z.literal('2.0'),
  id: z.union([z.string(), z.number(), z.null()]),
  error: z.object({
    code: z.int(),
    message: z.string(),
    data: z.optional(z.looseObject({ type: z.optional(z.string()) })),
  }),
});

export const refusals = { Refusal, OAuthRefusal, RpcRefusal };

const WORDS: Readonly<Record<RefusalStyle, Readonly<Record<number, string>>>> = {
  api: {
    400: 'Something that was sent cannot be used: `field` names it',
    401: 'No one who may do this',
    403: 'You may not do this, or not from here',
    404: 'There is none with this id',
    409: 'Something else has this name, address or value',
    413: 'The body is too long',
    422: 'The server behind the gateway failed; in its own words',
    429: 'Too many attempts: wait as `Retry-After` says',
    503: 'Storage is not answering, or a secret is missing: try again as `Retry-After` says',
  },
  oauth: {
    400: 'The request, the code, the token or the metadata is not acceptable (RFC 6749 §5.2)',
    401: 'No such app, or not its secret (`invalid_client`)',
    404: 'Browser sign-in is off here, or there is no such document',
    415: 'The body is not sent as `application/json`',
    429: 'Too many from this address: wait as `Retry-After` says',
    503: 'A passing fault, or the gateway is not set up yet: try again as `Retry-After` says',
  },
  rpc: {
    400: 'No message of MCP, or header and body disagree',
    401: 'No credential, or one that does not stand. `WWW-Authenticate` says where to get one',
    403: 'The key is blocked, the address is not granted, the scope is too narrow, or the origin may not call',
    404: 'Nothing has this address, or the method is unknown',
    405: 'There is no stream to give: only POST is served',
    429: 'A limit is spent: wait as `Retry-After` says',
    503: 'Storage is not answering, or the gateway is not set up yet',
  },
  page: {
    400: 'A page: the app or the address to go back to is not known',
    403: 'A page: this was begun in another browser',
    404: 'A page: there is nothing here',
    409: 'A page: this was answered already',
    410: 'A page: this took too long',
    429: 'A page: too many attempts',
    503: 'A page: the gateway is not set up yet, or storage is not answering',
  },
};

/** Every refusal there is, by style and status. */
export const REFUSALS = Object.entries(WORDS).flatMap(([style, words]) =>
  Object.entries(words).map(([status, description]) => ({
    style: style as RefusalStyle,
    status: Number(status),
    description,
  })),
);

const STYLES: Readonly<Record<RefusalStyle, string>> = {
  api: 'Api',
  oauth: 'OAuth',
  rpc: 'Mcp',
  page: 'Page',
};

/** The name a refusal has among the document's responses. */
export function refusalName(style: RefusalStyle, status: number): string {
  return `${STYLES[style]}${status}`;
}
