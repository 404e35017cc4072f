import type { Context } from 'hono';
import { currentDocument, readyCopy, requireDocumentAddress } from '../clients/metadata-document';
import { DocumentRefused, DocumentUnreachable } from '../clients/read-document';
import { type Client, findClient, hashAddress } from '../clients/store';
import { type App, allowsLoopback, withinLimit } from '../config';
import { log } from '../log';
import { addressOf } from '../protocol/address';
import { PageProblem, type Problem } from '../ui/layout';

/**
 * The client that the metadata document at `url` describes (draft-ietf-oauth-client-id-metadata-document, CONTRACT §3).
 * @param again the path and query of this request, for "Try again".
 * @returns null for HEAD, where GET would have to fetch the document first.
 * @throws PageProblem when it cannot be used here, or not now.
 */
export async function describedClient(
  c: Context<App>,
  url: string,
  issuer: string,
  again: string,
): Promise<Client | null> {
  const stored = await findClient(c.env.DB, url);
  const who = whoIs(url, stored);
  if (!c.var.settings.oauth2_server_config.client_id_metadata_documents)
    throw new PageProblem(switchedOff(who));

  const now = Math.floor(Date.now() / 1000);
  try {
    requireDocumentAddress(url, { issuer, allowLoopback: allowsLoopback(c.env) });
    const ready = readyCopy(c.env.DB, stored, now);
    if (ready) return ready;
    if (c.req.method === 'HEAD') return null;
    const address = addressOf(c.req.raw);
    if (!(await withinLimit(c.env, c.env.REGISTRATIONS, address))) throw new PageProblem(tooMany(again));
    const addressHash = await hashAddress(c.env.ENCRYPTION_KEY, address);
    const client = await currentDocument(c.env.DB, url, stored, addressHash, now);
    if (client) return client;
  } catch (error) {
    throw explained(c, url, who, again, error);
  }
  throw new PageProblem(beingRemoved(who, again));
}

/** How a page names the app, and the host that describes it; an empty host: its address is none. */
type Who = { name: string; host: string };

function whoIs(url: string, stored: Client | null): Who {
  const host = URL.canParse(url) ? new URL(url).host : '';
  return { name: stored?.metadata.client_name ?? 'This app', host };
}

function explained(c: Context<App>, url: string, who: Who, again: string, error: unknown): unknown {
  const isRefused = error instanceof DocumentRefused;
  if (!isRefused && !(error instanceof DocumentUnreachable)) return error;
  const { message: reason } = error;
  const event = isRefused ? 'client.document_refused' : 'client.document_unreachable';
  log(event, { request_id: c.var.requestId, client_id: url, reason });
  return new PageProblem(isRefused ? refused(who, reason) : unreachable(who, reason, again));
}

function refused({ name, host }: Who, reason: string): Problem {
  return {
    status: 400,
    title: `${name} can’t be connected`,
    text: `Nothing was sent to it. The app’s developer needs to fix this: its description${host && ` at ${host}`} ${reason}.`,
  };
}

function unreachable({ name, host }: Who, reason: string, again: string): Problem {
  return {
    status: 400,
    title: `${name} couldn’t be checked`,
    text: `Nothing was sent to it. It is described at ${host}, and ${host} ${reason}. Try again in a moment. If it keeps happening, tell the people who run ${host}.`,
    way: { href: again, label: 'Try again' },
  };
}

function switchedOff({ name, host }: Who): Problem {
  return {
    status: 400,
    title: `${name} can’t connect this way`,
    text: `Nothing was sent to it. It identifies itself by a web address${host && ` at ${host}`}, and your administrator turned that off. In the app, remove this connection and add it again: many apps then register instead. If yours doesn’t, ask your administrator.`,
  };
}

function beingRemoved({ name }: Who, again: string): Problem {
  return {
    status: 400,
    title: `${name} is being removed`,
    text: 'An administrator removed it a moment ago, and its access is still being revoked. This takes an hour at most. Then you can connect it again.',
    way: { href: again, label: 'Try again' },
  };
}

function tooMany(again: string): Problem {
  return {
    status: 429,
    title: 'Too many requests',
    text: 'Nothing was sent to the app. Wait a minute, then try again.',
    way: { href: again, label: 'Try again' },
    retryAfter: 60,
  };
}
