import type * as z from 'zod/mini';
import type { Act } from '../../../audit';
import { modeOf } from '../../../identity';
import { isSubject } from '../../../protocol/subject';
import { SETTINGS } from '../../../settings';
import { cut } from '../../../ui/name';
import type { ShownEvent } from '../../api/answers/audit-event';
import { reasonOf } from '../access/words';
import { wordsOf } from '../settings/words';

/** Something that happened, as the API shows it. */
export type Event = z.infer<typeof ShownEvent>;

type Words = {
  /** What the filter calls it. */
  label: string;
  /** What happened, in a sentence. */
  says: (event: Event) => string;
};

const app = ({ client_name }: Event) => (client_name ? cut(client_name) : 'An app');
const named = (kind: string) => (event: Event) =>
  event.about_name ? `${kind} ${cut(event.about_name)}` : `${kind} that is gone`;
const key = named('The key');
const toolset = named('The toolset');
const server = named('The server');
const person = ({ about_name }: Event) => (about_name === null ? 'A person who is gone' : cut(about_name));
const at = ({ about_name }: Event) => (about_name === null ? 'a server that is gone' : cut(about_name));

/** Every act of the audit in words. */
const WORDS: Readonly<Record<Act['act'], Words>> = {
  'consent.allowed': {
    label: 'Access allowed',
    says: ({ detail, ...e }) => {
      const which = { all: ' to everything', chosen: ' to chosen servers' }[String(detail.access)] ?? '';
      return `${app({ detail, ...e })} was allowed access${which}${detail.scope === 'mcp:read' ? ', read only' : ''}`;
    },
  },
  'consent.denied': { label: 'Access denied', says: (e) => `${app(e)} was denied access` },
  'code.redeemed': { label: 'App connected', says: (e) => `${app(e)} picked up its access` },
  'code.repeated': {
    label: 'Code sent twice',
    says: (e) => `${app(e)} sent its code a second time at once, which changed nothing`,
  },
  'code.replayed': {
    label: 'Code used twice',
    says: (e) => `A code of ${app(e)} was used a second time, so its access ended`,
  },
  'refresh_token.reused': {
    label: 'Spent token came back',
    says: (e) => `A spent token of ${app(e)} came back, so its access ended`,
  },
  'grant.ended': {
    label: 'Access ended',
    says: (e) => `The access of ${app(e)} ended: ${reasonOf({ ended_reason: String(e.detail.reason) })}`,
  },
  'grant.changed': {
    label: 'Access changed',
    says: (e) => `The access of ${app(e)} was changed: ${e.detail.before} → ${e.detail.after}`,
  },
  'client.deleted': { label: 'App deleted', says: (e) => `${app(e)} was deleted` },
  'client.swept': { label: 'Unused app forgotten', says: (e) => `${app(e)} was forgotten: nobody used it` },
  'virtual_key.created': { label: 'Key made', says: (e) => `${key(e)} was made` },
  'virtual_key.changed': { label: 'Key changed', says: (e) => `${key(e)} was changed` },
  'virtual_key.rotated': {
    label: 'Key got a new value',
    says: (e) => `${key(e)} got a new value${e.detail.reason === 'leaked' ? ', because it had leaked' : ''}`,
  },
  'virtual_key.expired': { label: 'Expired key deleted', says: (e) => `${key(e)} expired and was deleted` },
  'virtual_key.deleted': { label: 'Key deleted', says: (e) => `${key(e)} was deleted` },
  'virtual_mcp.created': { label: 'Toolset made', says: (e) => `${toolset(e)} was made` },
  'virtual_mcp.changed': { label: 'Toolset changed', says: (e) => `${toolset(e)} was changed` },
  'virtual_mcp.deleted': { label: 'Toolset deleted', says: (e) => `${toolset(e)} was deleted` },
  'server.created': { label: 'Server added', says: (e) => `${server(e)} was added` },
  'server.changed': { label: 'Server changed', says: (e) => `${server(e)} was changed` },
  'server.authorization_begun': {
    label: 'Authorizing a server begun',
    says: (e) => `Somebody set out to authorize ${at(e)}`,
  },
  'server.authorized': { label: 'Server authorized', says: (e) => `${server(e)} was authorized` },
  'server.authorization_refused': {
    label: 'Authorizing a server refused',
    says: (e) => `${server(e)} could not be authorized`,
  },
  'server.authorization_revoked': {
    label: 'Authorization of a server given back',
    says: (e) => `The authorization of ${at(e)} was given back`,
  },
  'server.registered_again': {
    label: 'Registered again at a provider',
    says: (e) => `The provider of ${at(e)} had forgotten this gateway, which registered again`,
  },
  'server.tool_tried': {
    label: 'Tool tried',
    says: (e) => `An administrator tried the tool ${cut(String(e.detail.tool))} of ${at(e)}`,
  },
  'server.deleted': { label: 'Server deleted', says: (e) => `${server(e)} was deleted` },
  'credential.link_given': {
    label: 'Link given',
    says: () => 'A link to connect an account was given to an app',
  },
  'credential.link_used': { label: 'Link opened', says: () => 'The link to connect an account was opened' },
  'credential.link_refused': {
    label: 'Link refused',
    says: () => 'Somebody opened a link to connect an account that was meant for another',
  },
  'credential.connected': { label: 'Account connected', says: (e) => `An account at ${at(e)} was connected` },
  'credential.disconnected': {
    label: 'Account disconnected',
    says: (e) => `An account at ${at(e)} was disconnected`,
  },
  'credential.refused': {
    label: 'Account refused',
    says: (e) => `An account at ${at(e)} could not be connected`,
  },
  'user.signed_in': { label: 'Person signed in', says: (e) => `${person(e)} signed in` },
  'user.refused': { label: 'Sign-in refused', says: (e) => `${person(e)} is blocked and could not sign in` },
  'user.changed': { label: 'Person changed', says: (e) => `What ${person(e)} may use was changed` },
  'user.blocked': { label: 'Person blocked', says: (e) => `${person(e)} was blocked` },
  'user.deleted': { label: 'Person deleted', says: (e) => `${person(e)} was deleted` },
  'administrator.signed_in': { label: 'Administrator signed in', says: () => 'An administrator signed in' },
  'administrator.signed_out': {
    label: 'Administrator signed out',
    says: () => 'An administrator signed out',
  },
  'setting.changed': { label: 'Settings changed', says: (e) => `Settings were changed: ${settingsIn(e)}` },
  'signing_key.rotated': { label: 'Signing key replaced', says: () => 'A new signing key was made' },
  'encryption.resealed': {
    label: 'Secrets sealed anew',
    says: (e) => `${e.detail.values} secrets were sealed with the newest encryption key`,
  },
  'request.refused': { label: 'Page refused', says: (e) => `A page was refused: ${e.detail.type}` },
  'request.failed': { label: 'Page failed', says: (e) => `A page failed: ${e.detail.type}` },
};

/** What acts are about, by what their names begin with, in the order of the filter. */
const ABOUT: readonly [group: string, nouns: readonly string[]][] = [
  ['Apps and their access', ['client', 'consent', 'code', 'refresh_token', 'grant']],
  ['Access keys', ['virtual_key']],
  ['Toolsets', ['virtual_mcp']],
  ['Servers', ['server']],
  ['Connected accounts', ['credential']],
  ['People', ['user']],
  ['This gateway', ['administrator', 'setting', 'signing_key', 'encryption', 'request']],
];

/** Every act and what the filter calls it, in groups. */
export const ACTS: readonly [group: string, acts: readonly (readonly [act: string, label: string])[]][] =
  ABOUT.map(([group, nouns]) => [
    group,
    Object.entries(WORDS)
      .filter(([act]) => nouns.includes(act.split('.')[0] ?? ''))
      .map(([act, { label }]) => [act, label] as const),
  ]);

/** What happened, in a sentence. */
export function sentenceOf(event: Event): string {
  return Object.hasOwn(WORDS, event.act) ? WORDS[event.act as Act['act']].says(event) : event.act;
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

/** Who did it, in words. */
export function actorOf({ actor, actor_name: name }: Event): string {
  const mode = isSubject(actor) ? modeOf(actor) : null;
  return mode?.words.actor(name) ?? ACTORS[actor] ?? actor;
}

/** Who does things besides people and keys, as the filter calls them. */
export const ACTORS: Readonly<Record<string, string>> = {
  administrator: 'administrator',
  client: 'an app',
  system: 'Toolgate itself',
  unknown: 'not known',
};
