import { type Details, type Stated, say } from '../protocol/faults/wording';
import { PROBLEM_WORDS } from './problem-words';

/** Why no one can be sent to a server's provider, as data. */
export type ProblemStated = Stated<typeof PROBLEM_WORDS>;

/** `unavailable` passes by itself; the others wait for an administrator. */
type ProblemType = 'registration_unavailable' | 'discovery_failed' | 'issuer_mismatch' | 'unavailable';

/** Why no one can be sent to a server's provider. The message is a sentence for the administrator. */
export class ProviderProblem extends Error {
  override readonly name = 'ProviderProblem';
  readonly stated: ProblemStated;
  /** What was tried, in order, a sentence each. */
  readonly tried: readonly string[];

  constructor(
    readonly type: ProblemType,
    { reason, params }: ProblemStated,
    tried: readonly string[],
    /** Of ours, to be pasted where an app is registered by hand. */
    readonly redirectUri: string,
    /** What `oauth_config.issuer` has to be if the issuer that was found is to be accepted; null: that is not the problem. */
    readonly offeredIssuer: string | null = null,
  ) {
    const entries = Object.entries(params).map(([name, value]) => [name, plain(value)]);
    const stated: ProblemStated = { reason, params: Object.fromEntries(entries) };
    super(say(PROBLEM_WORDS, stated));
    this.stated = stated;
    this.tried = tried.map((text) => plain(text));
  }
}

/** A problem as data. */
export function problem<R extends ProblemStated['reason']>(
  reason: R,
  params: Parameters<(typeof PROBLEM_WORDS)[R]>[0],
): ProblemStated {
  return { reason, params: params as Details };
}

/** Without characters that hide or turn others round: servers and providers name themselves (SECURITY 17). */
function plain<T extends string | number>(value: T): T | string {
  return typeof value === 'string' ? value.replace(/\p{C}/gu, '') : value;
}
