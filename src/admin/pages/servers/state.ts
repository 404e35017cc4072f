import type { UseCounts } from '../../../governance/server-use';
import type { Server, stateOf } from '../../../servers/server';
import type { Settings } from '../../../settings';
import { countOf } from '../../../ui/english';
import { type Glyph, isGlyph } from '../../../ui/icons';
import type { Tone } from '../../../ui/parts';

type State = ReturnType<typeof stateOf>;

/** How servers stand, as people read it. */
export const SERVER_STATES: Readonly<Record<State, { word: string; tone: Tone }>> = {
  healthy: { word: 'Healthy', tone: 'good' },
  unstable: { word: 'Not responding', tone: 'bad' },
  needs_reauth: { word: 'Sign-in expired', tone: 'warn' },
  pending_verification: { word: 'Setup not finished', tone: 'warn' },
  disabled: { word: 'Off', tone: 'off' },
};

/** Domains whose servers have a glyph of their own. */
const KNOWN =
  /(?:^|\.)(?:(github)copilot\.com|(google)apis\.com|(slack|linear|atlassian|notion|sentry)\.(?:com|app|dev))$/;

/** The glyph of a server, by where it is. */
export function glyphOf({ connectionString }: Pick<Server, 'connectionString'>): Glyph {
  const name = KNOWN.exec(new URL(connectionString).hostname)?.slice(1).find(Boolean) ?? '';
  return isGlyph(name) ? name : 'server';
}

/** Who was given a server, in words; empty: no one. */
export function usedBy(server: Server, { keys, people, toolsets }: UseCounts, settings: Settings): string {
  const given = [
    keys && countOf(keys, 'key'),
    people && countOf(people, 'person', 'people'),
    toolsets && countOf(toolsets, 'toolset'),
    server.allowOnAllVirtualKeys ? 'everyone' : isForPeople(server, settings) && 'everyone who signs in',
  ];
  return given.filter(Boolean).join(', ');
}

/** True when everyone who signs in was given a server. */
export function isForPeople({ name }: Server, settings: Settings): boolean {
  return givenToPeople(settings).includes(name.toLowerCase());
}

/** The names of the servers that everyone who signs in was given, in lower case. */
export function givenToPeople({ default_user_access }: Settings): string[] {
  const given = default_user_access.filter(({ tools_to_execute }) => tools_to_execute.length > 0);
  return given.map(({ mcp_client_name }) => mcp_client_name.toLowerCase());
}
