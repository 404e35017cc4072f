import { fetchTimed } from './invocation';
import { FAULT_WORDS } from './protocol/faults/words';
import { readText } from './protocol/params';
import { type AddressFault, targetFault } from './protocol/public-url';

/** How long `/health` of another address may take, in milliseconds, and how long its answer may be, in bytes. */
const TIME = 5_000;
const SIZE = 16_384;

/** What was met at an address that does not lead to this deployment. */
export type Met =
  | { kind: 'not_allowed'; fault: AddressFault }
  | { kind: 'no_answer' | 'late' | 'no_gateway' | 'another_deployment' }
  | { kind: 'status'; status: number };

/**
 * Asks `<issuer>/health` which deployment answers there (CONTRACT §1). One request to a public address, without a credential,
 * and `/health` sends none itself, so nothing goes in circles.
 * @param deployment the random id of this one
 * @returns null when it answers with this deployment's id
 */
export async function metAt(issuer: string, deployment: string, allowLoopback: boolean): Promise<Met | null> {
  const fault = targetFault(issuer, allowLoopback);
  if (fault) return { kind: 'not_allowed', fault };
  const signal = AbortSignal.timeout(TIME);
  try {
    const response = await fetchTimed(`${issuer}/health`, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
    const found = deploymentIn(await readText(response.body, SIZE));
    if (found === deployment) return null;
    if (found !== null) return { kind: 'another_deployment' };
    return response.ok ? { kind: 'no_gateway' } : { kind: 'status', status: response.status };
  } catch {
    return { kind: signal.aborted ? 'late' : 'no_answer' };
  }
}

/** The id that an answer of `/health` names; null: it is none. @param text null: too long to be one */
function deploymentIn(text: string | null): string | null {
  try {
    const { deployment } = JSON.parse(text ?? '') as { deployment?: unknown };
    return typeof deployment === 'string' ? deployment : null;
  } catch {
    return null;
  }
}

/** What was met, as the end of a sentence, for developers and for people. */
export function metWords(met: Met): string {
  switch (met.kind) {
    case 'not_allowed':
      return `no request is sent there, for it ${FAULT_WORDS[met.fault]()}`;
    case 'no_answer':
      return 'nothing answered';
    case 'late':
      return `nothing answered within ${TIME / 1000} seconds`;
    case 'status':
      return `the answer had status ${met.status}`;
    case 'no_gateway':
      return 'something else answered';
    case 'another_deployment':
      return 'another deployment of the gateway answered';
  }
}
