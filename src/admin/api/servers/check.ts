import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { authTypes, authTypesThat, DEFAULT_AUTH_TYPE } from '../../../accounts/auth/index';
import { type App, allowsLoopback } from '../../../config';
import { log } from '../../../log';
import { checkAddress, type Finding } from '../../../mcp-client/address-check';
import { type AddressFault, targetFault } from '../../../protocol/public-url';
import { introductionOf } from '../../../providers/registration';
import { maskHeaders } from '../../../servers/header-values';
import type { ConnectionType } from '../../../servers/server';
import type { CheckedInput } from '../answers/checked-input';
import { refusal } from '../error';
import { accept, readJson } from '../request';
import { findingWords, pastedWords } from './check-words';
import { type Pasted, readPasted } from './pasted';
import { nameFrom, nameFromInfo, nameFromUrl } from './suggested-name';

export const CheckRequest = z.object({
  input: z
    .string()
    .check(
      z.trim(),
      z.minLength(1),
      z.maxLength(65_536),
      z.describe('An address, the configuration of an MCP client as JSON, or a command line'),
    ),
});

/** Checks what an administrator has of a server, before it is added. Nothing is saved. */
export const serverCheck = new Hono<App>().post('/client/check', async (c) => {
  const { input } = accept(CheckRequest, await readJson(c));
  return c.json(answerOf(await lookUp(c, input)));
});

/** An input that names a server, and what is there. `address`: the one it names; `url`: the one the finding is about. */
export type LookedUp = {
  pasted: Pasted & { kind: 'address' };
  address: string;
  url: string;
  connectionType: ConnectionType;
  finding: Finding;
};

/** What came of an input: a server, no address that may be asked, or something that names none. */
export type Look =
  | ({ kind: 'looked_up' } & LookedUp)
  | { kind: 'refused'; fault: AddressFault }
  | { kind: 'no_server'; pasted: Exclude<Pasted, { kind: 'address' }> };

/** Reads what an administrator pasted, and asks the address in it what it is. */
export async function lookUp(c: Context<App>, input: string): Promise<Look> {
  const pasted = readPasted(input);
  if (pasted.kind !== 'address') return { kind: 'no_server', pasted };
  const address = /^[a-z]+:/i.test(pasted.address) ? pasted.address : `https://${pasted.address}`;
  const allowLoopback = allowsLoopback(c.env);
  const fault = URL.canParse(address) && pasted.address ? targetFault(address, allowLoopback) : 'not_a_url';
  if (fault) return { kind: 'refused', fault };
  const { settings, issuer } = c.var;
  const canBeDescribed = issuer !== null && introductionOf(settings, issuer).documentUrl !== null;
  const found = await checkAddress(address, { allowLoopback, canBeDescribed });
  log('admin.address_checked', { request_id: c.var.requestId, found: found.finding.kind });
  return { kind: 'looked_up', pasted, address, ...found };
}

function answerOf(look: Look): z.infer<typeof CheckedInput> {
  if (look.kind === 'refused') throw refusal('value', { fault: { reason: look.fault, params: {} } }, 'input');
  if (look.kind === 'no_server') {
    return { message: pastedWords(look.pasted), found: look.pasted.kind, client: null, tools: null };
  }
  const { pasted, url, connectionType, finding } = look;
  const lacking = pasted.lacking.map((name): [string, string] => [name, '']);
  const client = {
    name: proposedName(look),
    connection_type: connectionType,
    connection_string: url,
    auth_type: authTypesFor(look)[0] ?? DEFAULT_AUTH_TYPE,
    headers: { ...maskHeaders(pasted.headers), ...Object.fromEntries(lacking) },
  };
  const isServer = !['website', 'elsewhere'].includes(finding.kind);
  const tools = finding.kind === 'open' ? finding.tools : null;
  return { message: findingWords(look), found: finding.kind, client: isServer ? client : null, tools };
}

/** What to call a server: as it was pasted, as it calls itself, or as its address suggests. */
export function proposedName({ pasted, url, finding }: LookedUp): string {
  const info = finding.kind === 'open' ? finding.info?.name : '';
  return nameFrom(pasted.name) || nameFromInfo(info ?? '') || nameFromUrl(url);
}

/** Whether headers were pasted, or named without a value. */
export function hasHeaders({ headers, lacking }: LookedUp['pasted']): boolean {
  return Object.keys(headers).length + lacking.length > 0;
}

/** The auth types that fit a finding, the proposed one first; all of them when that is not known. Pasted headers are credentials. */
export function authTypesFor({ pasted, finding }: Pick<LookedUp, 'pasted' | 'finding'>): string[] {
  const types = typesFor(finding.kind);
  return hasHeaders(pasted) ? [...new Set([...typesFor('credentials'), ...types])] : types;
}

/** The auth types that answer what an address was found to demand, the proposed one first; all of them when that is not known. */
export function typesFor(found: Finding['kind']): string[] {
  const suiting = (isFirst: boolean) =>
    authTypesThat(({ suits, isProposed }) => suits === found && (isProposed === true) === isFirst);
  const types = [...suiting(true), ...suiting(false)];
  return types.length ? types : [...authTypes.keys()];
}
