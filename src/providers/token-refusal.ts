import { Unavailable } from '../protocol/error';

type About = {
  /** HTTP status of the token endpoint's answer; null: the refusal is not an answer of it. */
  status?: number | null;
  /** It speaks of the parameter `resource` (RFC 8707). */
  namesResource?: boolean;
  cause?: unknown;
};

/** A provider will not have it, and asking again changes nothing. The message is for the log. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly status: number | null;
  readonly namesResource: boolean;

  constructor(
    /**
     * RFC 6749 §§4.1.2.1, 5.2: `access_denied` of someone who declined, `invalid_grant`, `invalid_client` …; `invalid_response`:
     * its answer is not one to what was asked.
     */
    readonly code: string,
    detail: string,
    { status = null, namesResource = false, cause }: About = {},
  ) {
    super(detail, { cause });
    this.status = status;
    this.namesResource = namesResource;
  }
}

/** A 4xx without a code: it may come from something in front of the provider, so that only its repetition is a refusal. */
export class MuteRefusal extends Unavailable {
  constructor(
    detail: string,
    readonly namesResource: boolean,
  ) {
    super(detail);
  }
}

/** Statuses under which an answer that comes again and again refuses a refresh (PROTOCOL §7). */
const REFUSES: ReadonlySet<number> = new Set([400, 401, 403, 410]);

/** True when an answer under this status refuses, once it is repeated; 200 is what some put above an error. */
export function mayRefuse(status: number): boolean {
  return REFUSES.has(status) || status === 200;
}

/** What a refresh that failed says of the credential: that it is over, that it is once this was repeated, or nothing. */
export function verdictOf(error: unknown): 'over' | 'over_when_repeated' | 'nothing' {
  if (error instanceof MuteRefusal) return 'over_when_repeated';
  if (!(error instanceof TokenRefused)) return 'nothing';
  if (error.code === 'invalid_grant' || error.status === null) return 'over';
  return mayRefuse(error.status) ? 'over_when_repeated' : 'nothing';
}

/** True when a provider refuses because of `resource`: the request may be made without it. */
export function refusesResource(error: unknown): boolean {
  if (error instanceof TokenRefused) return error.code === 'invalid_target' || error.namesResource;
  return error instanceof MuteRefusal && error.namesResource;
}

/** True for words about the parameter `resource`, not about a resource owner or a resource server. */
export function speaksOfResource(words: string): boolean {
  return /(?<![a-z])resource(?![a-z])(?![\s_-]*(?:owner|server))/i.test(words);
}
