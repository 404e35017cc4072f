import type { Env } from '../config';
import { ask, type Ids, known, map, type Question, theseIds, together } from '../database';
import { type Access, NOTHING } from '../governance/access';
import { idsOfKind, parseSubject, type Subject } from '../protocol/subject';
import type { Settings } from '../settings';
import type { IdentityMode, Proof } from './mode';
import { session } from './session';
import { type Standing, standingWith } from './standing';
import { user } from './user';
import { virtualKey } from './virtual-key';

/** Every mode, by its name in the consent form's `identity` field. Consent, tokens, /mcp and pages follow it. */
export const identityModes: ReadonlyMap<string, IdentityMode> = new Map<string, IdentityMode>([
  ['virtual_key', virtualKey],
  ['user', user],
  ['session', session],
]);

/** The kinds of subjects there are. */
export function identityKinds(): string[] {
  return modes().map(({ kind }) => kind);
}

const modes = () => [...identityModes.values()];

/** The mode of subjects of a kind; null: there is none. */
export function modeOfKind(wanted: string): IdentityMode | null {
  return modes().find(({ kind }) => kind === wanted) ?? null;
}

/** The mode of a subject; null when no mode has such. */
export function modeOf(subject: Subject): IdentityMode | null {
  return modeOfKind(parseSubject(subject).kind);
}

/** An identity as it was loaded: whether it may call and what it may use is told from this, without reading again. */
export type LoadedIdentity = { mode: IdentityMode | null; row: unknown };

/** An identity from storage. */
export async function loadIdentity(db: D1Database, subject: Subject): Promise<LoadedIdentity> {
  const [identities] = await ask(db, loadedQuestion(db, [subject]));
  return identities.get(subject) ?? { mode: null, row: null };
}

/** The same for several: every one of them is in it. */
export function loadedQuestion(
  db: D1Database,
  subjects: readonly Subject[],
): Question<Map<Subject, LoadedIdentity>> {
  const asked = modesQuestion(db, (kind) => {
    const ids = idsOfKind(subjects, kind);
    return ids.length ? theseIds(ids) : null;
  });
  return map(asked, (loaded) => new Map(subjects.map((subject) => [subject, loaded(subject)])));
}

/** Identities whose subjects only the database knows yet. @param subjects a SELECT of them as `subject` */
export function identitiesQuestion(
  db: D1Database,
  subjects: Ids,
): Question<(subject: Subject) => LoadedIdentity> {
  return modesQuestion(db, (kind) => {
    const prefix = `${kind}:`;
    return {
      sql: `SELECT substr(subject, ?) FROM (${subjects.sql}) WHERE substr(subject, 1, ?) = ?`,
      values: [prefix.length + 1, ...subjects.values, prefix.length, prefix],
    };
  });
}

/** @param idsOf the ids of a kind that are asked for; null: none */
function modesQuestion(
  db: D1Database,
  idsOf: (kind: string) => Ids | null,
): Question<(subject: Subject) => LoadedIdentity> {
  const asked = modes().map((mode) => {
    const ids = idsOf(mode.kind);
    return ids ? mode.rows(db, ids) : known(new Map<string, unknown>());
  });
  return map(together(...asked), (rows) => {
    const byKind = new Map(modes().map((mode, at) => [mode.kind, { mode, rows: rows[at] }]));
    return (subject) => {
      const { kind, id } = parseSubject(subject);
      const found = byKind.get(kind);
      return { mode: found?.mode ?? null, row: found?.rows?.get(id) ?? null };
    };
  });
}

/** Whether a loaded identity may be acted for at `now` (epoch seconds), whatever its mode: the one rule everything asks. */
export function standingIn({ mode, row }: LoadedIdentity, settings: Settings, now: number): Standing {
  return mode?.standing(row, settings, now) ?? { is: 'gone', reason: 'unknown' };
}

/** What a loaded identity was given. */
export function accessOf({ mode, row }: LoadedIdentity, settings: Settings, now: number): Access {
  return mode?.access(row, settings, now) ?? NOTHING;
}

/** Whether someone who was proved may still be acted for, whatever the mode. */
export async function standingOf(env: Env, settings: Settings, proof: Proof): Promise<Standing> {
  const [standing] = await ask(env.DB, standingQuestion(env.DB, settings, proof));
  return standing;
}

/** {@link standingOf}, to be asked along with others. */
export function standingQuestion(
  db: D1Database,
  settings: Settings,
  { subject, generation }: Proof,
): Question<Standing> {
  return map(loadedQuestion(db, [subject]), (identities) => {
    const identity = identities.get(subject) ?? { mode: null, row: null };
    return standingWith(standingIn(identity, settings, Date.now() / 1000), generation);
  });
}

/** What identities are called, by subject, as far as they have a name. @param ids the parts of their subjects after the kind */
export function namesOfIdentities(db: D1Database, ids: Ids): Question<Map<Subject, string>> {
  const asked = modes().map((mode) => mode.names(db, ids));
  return map(together(...asked), (names) => {
    const named = modes().flatMap(({ kind }, at) =>
      [...(names[at] ?? [])].map(([id, name]): [Subject, string] => [`${kind}:${id}`, name]),
    );
    return new Map(named);
  });
}

/** The subjects that people know by a name that holds `text`. */
export function subjectsNamed(text: string): Ids {
  const named = modes().flatMap((mode) => mode.named(text) ?? []);
  return {
    sql: named.map(({ sql }) => sql).join(' UNION ALL '),
    values: named.flatMap(({ values }) => values),
  };
}
