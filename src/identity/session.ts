import { mac, randomSecret, verifyMac } from '../crypto/secrets';
import { known } from '../database';
import type { Subject } from '../protocol/subject';
import type { IdentityMode, Standing } from './mode';

/** An anonymous session: every one is a subject of its own, made here, never named by a client. */
export const session: IdentityMode = {
  kind: 'session',
  label: 'Stay anonymous',
  hint: 'Only this connection. Nothing is shared with other apps.',
  isGuessable: false,
  refusal: 'Choose who you are.',
  unavailable: ({ enforce_auth_on_inference }) =>
    enforce_auth_on_inference ? 'Anonymous use is off here: everyone must identify themselves.' : null,
  identify: async () => ({ subject: `session:${randomSecret(16)}`, generation: 0, name: 'Anonymous' }),
  standing: (_db, settings) =>
    known<Standing>(session.unavailable(settings) ? 'suspended' : { name: 'Anonymous', generation: 0 }),
};

/** A value for `x-bf-mcp-session-id`: a fresh session's id and our mark on it. */
export async function newSessionValue(encryptionKey: string): Promise<string> {
  const id = randomSecret(16);
  return `${id}.${await mac(encryptionKey, `mcp-session ${id}`)}`;
}

/** The subject of a value that {@link newSessionValue} made; null for any other. */
export async function subjectOfSessionValue(encryptionKey: string, value: string): Promise<Subject | null> {
  const [id = '', tag = '', more] = value.split('.');
  if (more !== undefined || !/^[A-Za-z0-9_-]{22}$/.test(id)) return null;
  return (await verifyMac(encryptionKey, `mcp-session ${id}`, tag)) ? `session:${id}` : null;
}
