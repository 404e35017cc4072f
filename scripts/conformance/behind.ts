import type { DevFacts } from '../dev/state.ts';

/** The gateway that the suite's servers are put behind. */
export type Behind = Pick<DevFacts, 'url' | 'admin_token' | 'virtual_key'>;

/** In the environment of the suite, and so of the clients that it starts. */
const NAME = 'TOOLGATE_CONFORMANCE';

export function variableOf({ url, admin_token, virtual_key }: Behind): NodeJS.ProcessEnv {
  return { [NAME]: JSON.stringify({ url, admin_token, virtual_key }) };
}

export function behindIn(env: NodeJS.ProcessEnv): Behind {
  return JSON.parse(env[NAME] ?? '') as Behind;
}
