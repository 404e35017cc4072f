import type { DevFacts } from '../dev/state.ts';

/** The gateway that the suite's servers are put behind. */
export type Behind = Pick<DevFacts, 'url' | 'admin_token' | 'virtual_key'>;

/** Whose accounts are used at servers that want one: the administrator's, or the caller's own. */
export type Accounts = 'oauth' | 'per_user_oauth';

/** In the environment of the suite, and so of the clients that it starts. */
const NAME = 'TOOLGATE_CONFORMANCE';

export function variableOf({ url, admin_token, virtual_key }: Behind, accounts: Accounts): NodeJS.ProcessEnv {
  return { [NAME]: JSON.stringify({ url, admin_token, virtual_key, accounts }) };
}

export function behindIn(env: NodeJS.ProcessEnv): Behind & { accounts: Accounts } {
  return JSON.parse(env[NAME] ?? '') as Behind & { accounts: Accounts };
}
