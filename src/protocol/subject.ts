/**
 * Who a request acts for: `vk:<id>` (a virtual key), `session:<id>` (an anonymous session) or `user:<id>`
 * (a signed-in person). The `sub` of every access token, and the owner of every upstream credential.
 */
export type Subject = `${SubjectKind}:${string}`;

type SubjectKind = 'vk' | 'session' | 'user';

/** The two halves of a subject. */
export function parseSubject(subject: Subject): { kind: SubjectKind; id: string } {
  const colon = subject.indexOf(':');
  return { kind: subject.slice(0, colon) as SubjectKind, id: subject.slice(colon + 1) };
}

/** True for a string this gateway could have written as a subject. */
export function isSubject(value: unknown): value is Subject {
  return typeof value === 'string' && /^(vk|session|user):[\x21-\x7e]{1,200}$/.test(value);
}

/** Who did something: a subject, an administrator who showed ADMIN_TOKEN, an app, the gateway itself, or nobody knows. */
export type Actor = Subject | 'administrator' | 'client' | 'system' | 'unknown';
