import { open, seal } from './crypto/secrets';
import type { AuthorizationRequest } from './protocol/authorization';
import type { Subject } from './protocol/subject';

/** What one browser flow remembers between two redirects. Written once; times are epoch seconds. */
export type Flow = {
  request: AuthorizationRequest;
  /** As the client named itself; null when it did not. */
  clientName: string | null;
  /** When the client registered. */
  clientSince: number;
  /** When its overdue metadata document was last checked; null when it is not overdue, or the client registered. */
  clientUncheckedSince: number | null;
  /** The id of the grant that consent may open. */
  grantId: string;
  /** SHA-256 of the secret in the cookie of the browser that began the flow. */
  browserHash: string;
  createdAt: number;
  expiresAt: number;
};

/** What an authorization code was issued for: enough to refuse a wrong request without waking the grant. */
export type Code = {
  grantId: string;
  clientId: string;
  subject: Subject;
  redirectUri: string;
  codeChallenge: string;
  resource: string;
  expiresAt: number;
};

/** A flow ends this long after its beginning, whatever happens. Seconds. */
export const FLOW_LIFE = 3600;
/** A flow ends this long after its last step. Seconds. */
export const STEP_LIFE = 900;

/** Keeps a flow, sealed: the client's `state` is in it. */
export async function putFlow(
  kv: KVNamespace,
  encryptionKey: string,
  flowId: string,
  flow: Flow,
): Promise<void> {
  const sealed = await seal(encryptionKey, placeOf(flowId), JSON.stringify(flow));
  await kv.put(`flow:${flowId}`, sealed, { expirationTtl: FLOW_LIFE });
}

/** The flow `flowId`, or null when there is none any more at `now` (epoch seconds). */
export async function findFlow(
  kv: KVNamespace,
  encryptionKey: string,
  flowId: string,
  now: number,
): Promise<Flow | null> {
  if (!/^[A-Za-z0-9_-]{22}$/.test(flowId)) return null;
  const sealed = await kv.get(`flow:${flowId}`);
  const text = sealed && (await open(encryptionKey, placeOf(flowId), sealed));
  return text ? unexpired(JSON.parse(text) as Flow, now) : null;
}

function placeOf(flowId: string): string {
  return `kv/flow/${flowId}`;
}

export async function putCode(kv: KVNamespace, codeHash: string, code: Code, now: number): Promise<void> {
  await kv.put(`code:${codeHash}`, JSON.stringify(code), {
    expirationTtl: Math.max(60, code.expiresAt - now),
  });
}

/** What the code with this hash was issued for, or null: unknown, expired, or not here yet. */
export async function findCode(kv: KVNamespace, codeHash: string, now: number): Promise<Code | null> {
  return unexpired(await kv.get<Code>(`code:${codeHash}`, 'json'), now);
}

function unexpired<T extends { expiresAt: number }>(value: T | null, now: number): T | null {
  return value && now < value.expiresAt ? value : null;
}
