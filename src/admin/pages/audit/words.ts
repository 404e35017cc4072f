import type * as z from 'zod/mini';
import type { Act } from '../../../audit';
import { modeOf } from '../../../identity';
import { isSubject } from '../../../protocol/subject';
import { SETTINGS } from '../../../settings';
import { countOf } from '../../../ui/english';
import { cut } from '../../../ui/name';
import type { ShownEvent } from '../../api/answers/audit-event';
import { reasonOf } from '../access/words';
import { wordsOf } from '../settings/words';

/** Something that happened, as the API shows it. */
export type Event = z.infer<typeof ShownEvent>;

type Words = [
  /** What the filter calls it. */
  label: string,
  /** What happened, in a sentence without its full stop. */
  says: (event: Event) => string,
  /** What else there is to say of it. */
  more?: string | ((event: Event) => string),
];

const app = ({ client_name: name }: Event) => (name ? cut(name) : 'An app');
const of = (event: Event) => (event.client_name ? app(event) : 'an app');
const about = (kind: string, nameless: string) => (event: Event) =>
  event.about_name === null ? nameless : `${kind} “${cut(event.about_name)}”`;
const key = about('Key', 'A key');
const toolset = about('Toolset', 'A toolset');
const server = about('Server', 'A server');
const at = ({ about_name: name }: Event) => (name === null ? 'a server' : cut(name));
const person = ({ about_name: name }: Event) => (name === null ? 'A person' : cut(name));
const safety = (event: Event) => `Access of ${of(event)} ended for safety`;
const was = (who: (event: Event) => string, what: string) => (event: Event) => `${who(event)} was ${what}`;

/** Every act of the audit in words. */
const WORDS: Readonly<Record<Act['act'], Words>> = {
  'consent.allowed': [
    'App allowed',
    was(app, 'allowed access'),
    ({ detail: { access, servers, scope } }) =>
      `${access === 'all' ? 'Everything' : (servers ?? 'Selected servers')}${scope === 'mcp:read' ? ', read-only' : ''}`,
  ],
  'consent.denied': ['App denied', was(app, 'denied access')],
  'code.redeemed': ['App connected', (e) => `${app(e)} connected`],
  'code.repeated': ['Code sent twice', (e) => `${app(e)} sent its code twice`, 'Nothing changed'],
  'code.replayed': ['Code used again', safety, 'Its code was used again'],
  'refresh_token.reused': ['Replaced token used again', safety, 'A replaced token was used again'],
  'grant.ended': [
    'Access ended',
    (e) => `Access of ${of(e)} ended`,
    (e) => reasonOf({ ended_reason: String(e.detail.reason) }),
  ],
  'grant.changed': [
    'Access changed',
    (e) => `Access of ${of(e)} was changed`,
    (e) => `${e.detail.before} → ${e.detail.after}`,
  ],
  'client.deleted': ['App deleted', was(app, 'deleted')],
  'client.swept': ['Unused app deleted', was(app, 'deleted'), 'It wasn’t used for 30 days'],
  'virtual_key.created': ['Key created', was(key, 'created')],
  'virtual_key.changed': ['Key changed', was(key, 'changed')],
  'virtual_key.rotated': [
    'Key rotated',
    was(key, 'rotated'),
    (e) => (e.detail.reason === 'leaked' ? 'It may have leaked' : 'Routine rotation'),
  ],
  'virtual_key.expired': ['Expired key deleted', was(key, 'deleted'), 'It had expired'],
  'virtual_key.deleted': ['Key deleted', was(key, 'deleted')],
  'virtual_mcp.created': ['Toolset created', was(toolset, 'created')],
  'virtual_mcp.changed': ['Toolset changed', was(toolset, 'changed')],
  'virtual_mcp.deleted': ['Toolset deleted', was(toolset, 'deleted')],
  'server.created': ['Server added', was(server, 'added')],
  'server.changed': ['Server changed', was(server, 'changed')],
  'server.authorization_begun': ['Server sign-in started', (e) => `Sign-in to ${at(e)} started`],
  'server.authorized': ['Signed in to a server', (e) => `The gateway signed in to ${at(e)}`],
  'server.authorization_refused': ['Server sign-in refused', (e) => `Sign-in to ${at(e)} was refused`],
  'server.authorization_revoked': ['Server sign-in revoked', (e) => `Sign-in to ${at(e)} was revoked`],
  'server.registered_again': [
    'Registered again at a provider',
    (e) => `This gateway registered again at the provider of ${at(e)}`,
  ],
  'server.tool_tried': [
    'Tool tried',
    (e) => `Tool “${cut(String(e.detail.tool))}” of ${at(e)} was tried by an administrator`,
  ],
  'server.deleted': ['Server deleted', was(server, 'deleted')],
  'credential.link_given': ['Connect link created', (e) => `${app(e)} got a link to connect an account`],
  'credential.link_used': ['Connect link opened', () => 'A link to connect an account was opened'],
  'credential.link_refused': [
    'Connect link refused',
    () => 'A link to connect an account was refused',
    'It was for someone else',
  ],
  'credential.connected': ['Account connected', (e) => `An account at ${at(e)} was connected`, ownerOf],
  'credential.disconnected': [
    'Account disconnected',
    (e) => `An account at ${at(e)} was disconnected`,
    ownerOf,
  ],
  'credential.refused': ['Account refused', (e) => `An account at ${at(e)} was refused`, ownerOf],
  'user.signed_in': ['Person signed in', (e) => `${person(e)} signed in`],
  'user.refused': ['Sign-in refused', (e) => `${person(e)} couldn’t sign in`, 'Blocked'],
  'user.changed': ['Person changed', (e) => `What ${person(e)} can use was changed`],
  'user.blocked': ['Person blocked', was(person, 'blocked')],
  'user.deleted': ['Person deleted', was(person, 'deleted')],
  'administrator.signed_in': ['Administrator signed in', () => 'An administrator signed in'],
  'administrator.signed_out': ['Administrator signed out', () => 'An administrator signed out'],
  'setting.changed': ['Settings changed', (e) => `Settings were changed: ${settingsIn(e)}`],
  'signing_key.rotated': ['Signing key replaced', () => 'A new signing key was created'],
  'encryption.resealed': [
    'Secrets re-encrypted',
    (e) => `${countOf(Number(e.detail.values), 'secret')} re-encrypted with the newest key`,
  ],
  'request.refused': ['Page refused', () => 'A page was refused', (e) => String(e.detail.type)],
  'request.failed': ['Page failed', () => 'A page failed', (e) => String(e.detail.type)],
};

/** What acts are about, by what their names begin with, in the order of the filter. */
const ABOUT: readonly [group: string, nouns: readonly string[]][] = [
  ['Apps', ['client', 'consent', 'code', 'refresh_token', 'grant']],
  ['Access keys', ['virtual_key']],
  ['Toolsets', ['virtual_mcp']],
  ['Servers', ['server']],
  ['Connected accounts', ['credential']],
  ['People', ['user']],
  ['Gateway', ['administrator', 'setting', 'signing_key', 'encryption', 'request']],
];

/** Every act and what the filter calls it, in groups. */
export const ACTS: readonly [group: string, acts: readonly (readonly [act: string, label: string])[]][] =
  ABOUT.map(([group, nouns]) => [
    group,
    Object.entries(WORDS)
      .filter(([act]) => nouns.includes(act.split('.')[0] ?? ''))
      .map(([act, [label]]) => [act, label] as const),
  ]);

/** What happened, in a sentence and a few words more. */
export function wordsOfEvent(event: Event): { says: string; more: string | undefined } {
  const [, says, more] = (Object.hasOwn(WORDS, event.act) && WORDS[event.act as Act['act']]) || [];
  return { says: says?.(event) ?? event.act, more: typeof more === 'function' ? more(event) : more };
}

function ownerOf({ subject_name: name }: Event): string {
  return name === null ? '' : `For ${cut(name)}`;
}

function settingsIn({ detail }: Event): string {
  const names = String(detail.settings).split(' ');
  return names
    .map((name) => {
      const setting = SETTINGS.find((setting) => setting.name === name);
      return setting ? wordsOf(setting).label : name;
    })
    .join(', ');
}

/** True when a person did it. */
export function isByPerson({ actor }: Event): boolean {
  return isSubject(actor) && modeOf(actor)?.words.admin?.filter === 'person';
}

/** Who did it, in words. */
export function actorOf({ actor, actor_name: name }: Pick<Event, 'actor' | 'actor_name'>): string {
  const mode = isSubject(actor) ? modeOf(actor) : null;
  return mode?.words.actor(name) ?? (Object.hasOwn(ACTORS, actor) ? ACTORS[actor] : null) ?? actor;
}

/** Who does things besides people and keys. */
const ACTORS: Readonly<Record<string, string>> = {
  administrator: 'Administrator',
  client: 'The app',
  system: 'This gateway',
  unknown: 'Unknown',
};
