/**
 * Who a request acts for: a kind and an id, such as `vk:<id>` (a virtual key), `session:<id>` (an anonymous session) or
 * `user:<id>` (a signed-in person). The `sub` of every access token, and the owner of every upstream credential. Which
 * kinds there are, `identityModes` says.
 */
export type Subject = `${string}:${string}`;

/** The two halves of a subject. */
export function parseSubject(subject: Subject): { kind: string; id: string } {
  const colon = subject.indexOf(':');
  return { kind: subject.slice(0, colon), id: subject.slice(colon + 1) };
}

/** True for a string that has the form of a subject. Its kind may be unknown here. */
export function isSubject(value: unknown): value is Subject {
  return typeof value === 'string' && /^[a-z]{1,16}:[\x21-\x7e]{1,200}$/.test(value);
}

/** The ids of the subjects that are of one kind. */
export function idsOfKind(subjects: readonly Subject[], wanted: string): string[] {
  return subjects.map(parseSubject).flatMap(({ kind, id }) => (kind === wanted ? [id] : []));
}

/** Who did something: a subject, an administrator who showed ADMIN_TOKEN, an app, the gateway itself, or no one knows. */
export type Actor = Subject | 'administrator' | 'client' | 'system' | 'unknown';
