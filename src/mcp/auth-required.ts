import { accountsOf } from '../accounts/accounts';
import type { AccountKind } from '../accounts/auth/auth';
import { ownAccountOf } from '../accounts/auth/index';
import type { CredentialNeeded } from '../accounts/credential-needed';
import { insertLink, linkUrl, openLinkLike, UNNAMED_CLIENT } from '../accounts/links';
import { visibleName } from '../clients/metadata';
import { withinLimit } from '../config';
import { modeOf } from '../identity';
import { addressOf } from '../protocol/address';
import { CODE, errorText, isObject, type JsonObject, META, metaOf, resultText } from '../protocol/mcp';
import type { Subject } from '../protocol/subject';
import { stamped } from './answer';
import type { Call } from './call';
import type { Item } from './server-lists';

/** Names our question among those of a server, so that its answer stays with us (MCP 2026-07-28, Multi Round-Trip Requests). */
const QUESTION = 'toolgate/connect';
/** The requests whose answer may be a question (the same, Supported Requests). */
const ASKING = ['tools/call', 'prompts/get', 'resources/read'];

/** What was asked for, as far as it matters here. */
type Described = Pick<Item, 'hasOutputSchema'>;

/** What a client of any era reads (CONTRACT §6). */
type AuthRequired = { kind: AccountKind; mcp_client: string; url: string; message: string };

/**
 * The text of the response to a request whose server wants an account of the caller's own, which was not run: one link, in
 * the form this client understands, for everything the caller has yet to connect here. Nothing of it is asked of a client that
 * did not say it can open addresses, nor again of one whose person just said no.
 * @param item what was asked for
 */
export async function authRequired(call: Call, needed: CredentialNeeded, item: Described): Promise<string> {
  const { kind, server } = needed;
  const { subject } = call.caller;
  const own = ownAccountOf(server);
  if (subject === null || !own || kind === 'own_identity' || kind === 'sign_in')
    return withoutLink(call, needed, item);
  const { todo } = own.words;

  const id = await linkFor(call, subject, server.id);
  if (id === null) {
    const message = `Authentication required for ${server.name}. Too many links were asked for: wait a minute, then repeat this.`;
    return refused(call, item, message, 'mcp_auth_required', {});
  }
  const url = linkUrl(call.gate.settings, call.gate.issuer, id);
  const begin = `Authentication required for ${server.name}.`;
  const message = `${begin} Open this URL to ${todo}: ${url}`;
  // 2026-07-28 has no `elicitationId`, but one shipping client cannot read a question without it (CONTRACT §6).
  const question = {
    mode: 'url',
    message: `${begin} Open the page to ${todo}.`,
    url,
    elicitationId: id,
  };
  if (opensUrls(call) && call.era === '2025') {
    const data = { elicitations: [question] };
    return errorText(call.request.id, { code: CODE.urlElicitation, message, data });
  }
  if (opensUrls(call) && ASKING.includes(call.request.method) && !wasDeclined(call)) {
    const inputRequests = { [QUESTION]: { method: 'elicitation/create', params: question } };
    const { requestState } = call.request.params; // sealed for this request: its server gets it once it can be asked
    const asked = stamped(call, { inputRequests, ...(requestState !== undefined && { requestState }) });
    return resultText(call.request.id, { ...asked, resultType: 'input_required' });
  }
  const required: AuthRequired = { kind, mcp_client: server.name, url, message };
  return refused(call, item, message, 'mcp_auth_required', { mcp_auth_required: required });
}

/** What a client answered to our own question is not for the server. The responses to go on, or undefined for none. */
export function withoutOurs(inputResponses: unknown): unknown {
  if (!isObject(inputResponses) || !Object.hasOwn(inputResponses, QUESTION)) return inputResponses;
  const { [QUESTION]: _, ...others } = inputResponses;
  return Object.keys(others).length ? others : undefined;
}

/** A link for the server that was asked and every other here whose account is missing (one read of the index); null: too many. */
async function linkFor(call: Call, subject: Subject, serverId: string): Promise<string | null> {
  const { gate, caller, entries, headers, requestId, session, request } = call;
  const accounts = await accountsOf(
    gate.env.DB,
    subject,
    entries.map(({ server }) => server),
  );
  const missing = accounts.filter(({ state, server }) => state !== 'active' && server.id !== serverId);
  const info = metaOf(request.params)[META.clientInfo];
  const named = isObject(info) && typeof info.name === 'string' ? info.name : session?.clientName;
  const wanted = {
    subject,
    generation: caller.generation,
    serverIds: [serverId, ...missing.map(({ server }) => server.id)],
    clientName: caller.grant?.clientName ?? visibleName(named ?? '') ?? UNNAMED_CLIENT,
    grantId: caller.grant?.grantId ?? null,
  };
  const mayAdd = await withinLimit(gate.env, gate.env.AUTHORIZATIONS, `link ${subject}`);
  const by = { actor: subject, address: addressOf({ headers }), requestId };
  return mayAdd ? insertLink(gate.env.DB, wanted, by) : openLinkLike(gate.env.DB, wanted);
}

/** True when this client said that it can show its person an address: in the request, or at `initialize` of 2025-11-25. */
function opensUrls({ era, request, session }: Call): boolean {
  const said =
    era === '2026'
      ? metaOf(request.params)[META.clientCapabilities]
      : session?.version === '2025-11-25' && session.capabilities;
  return isObject(said) && isObject(said.elicitation) && isObject(said.elicitation.url);
}

/** True when this request repeats one whose question the person declined or put away (MCP 2026-07-28, Response Actions). */
function wasDeclined({ request }: Call): boolean {
  const { inputResponses } = request.params;
  const response = isObject(inputResponses) ? inputResponses[QUESTION] : undefined;
  return isObject(response) && (response.action === 'decline' || response.action === 'cancel');
}

/** For callers whom no link could help. */
function withoutLink(call: Call, { server, kind }: CredentialNeeded, item: Described): string {
  const { subject, key } = call.caller;
  const type = kind === 'sign_in' ? 'subject_token_missing' : 'own_identity_needed';
  const message = `Authentication required for ${server.name} (${type}): ${reason(call)}.`;
  return refused(call, item, message, type, { error: { type, message } });

  function reason({ gate }: Call): string {
    if (key?.shared) {
      return `the access key "${key.name}" is shared by several people. Use your own key or sign in`;
    }
    if (subject === null) {
      return 'it is not known who is calling. Send an access key, sign in, or set x-bf-mcp-session-id';
    }
    if (modeOf(subject)?.isSignedIn) {
      return `it acts for you by your sign-in, which has to be renewed. Sign in at ${gate.issuer}/oauth/sign-in, then repeat this`;
    }
    return 'it acts for people who signed in. Sign in, or use a key that belongs to a person who did';
  }
}

/** As a tool's error, which the model reads, else as JSON-RPC's. Results of a tool with a schema hold nothing else (MCP, Output Schema). */
function refused(call: Call, item: Described, message: string, type: string, payload: JsonObject): string {
  const { id, method } = call.request;
  if (method !== 'tools/call') {
    return errorText(id, { code: CODE.internalError, message, data: { type, ...payload } });
  }
  const content = [{ type: 'text', text: message }];
  const structured = item.hasOutputSchema ? {} : { structuredContent: payload };
  return resultText(id, stamped(call, { content, isError: true, ...structured, _meta: payload }));
}
