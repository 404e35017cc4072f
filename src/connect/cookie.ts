import * as z from 'zod/mini';
import { sealedCookie } from '../crypto/sealed-cookie';
import { hashSecret, mac, verifyMac } from '../crypto/secrets';

/** What one browser knows of a connect link; sealed in a cookie of its own, set again at each step. */
const ConnectState = z.object({
  /** Proves, once the link is used, that this browser used it: the link keeps its hash. */
  secret: z.string(),
  /** What the last step must tell the person, of a server or of the link itself. */
  notice: z.optional(z.object({ serverId: z.nullable(z.string()), text: z.string() })),
});
export type ConnectState = z.infer<typeof ConnectState>;

/** A cookie a link: as long as a link works, and five links at most. */
const connectCookie = sealedCookie({ kind: 'connect', schema: ConnectState, life: 900, most: 5 });
/** Characters of a notice, which may hold a server's words: a cookie must stay small. */
const MOST_NOTICE = 400;

/** The `Set-Cookie` values that keep `state`, and end the oldest beyond the most a browser may have. */
export async function writeConnectState(
  encryptionKey: string,
  issuer: string,
  linkId: string,
  state: ConnectState,
  cookies: string | undefined,
): Promise<string[]> {
  const notice = state.notice && { ...state.notice, text: state.notice.text.slice(0, MOST_NOTICE) };
  return [
    ...connectCookie.makeRoom(issuer, cookies, linkId),
    await connectCookie.write(encryptionKey, issuer, { ...state, notice }, linkId),
  ];
}

/** What this browser knows of a link, or null: nothing, or nothing of our making. */
export async function readConnectState(
  encryptionKey: string,
  issuer: string,
  linkId: string,
  cookies: string | undefined,
): Promise<ConnectState | null> {
  return connectCookie.read(encryptionKey, issuer, cookies, linkId);
}

/** The unguessable value of a link's forms: bound to the link and to this browser. */
export async function connectFormValue(
  encryptionKey: string,
  linkId: string,
  state: ConnectState,
): Promise<string> {
  return mac(encryptionKey, await formText(linkId, state));
}

/** True when `value` is the {@link connectFormValue} this browser was shown. */
export async function verifyConnectForm(
  encryptionKey: string,
  linkId: string,
  state: ConnectState,
  value: string,
): Promise<boolean> {
  return verifyMac(encryptionKey, await formText(linkId, state), value);
}

async function formText(linkId: string, { secret }: ConnectState): Promise<string> {
  return `connect ${linkId} ${await hashSecret(secret)}`;
}
