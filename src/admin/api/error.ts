import { API_WORDS, type ApiReason } from './refusal-words';

/** Every error type of the management API, with its status (CONTRACT §8). */
const STATUS = {
  invalid_request: 400,
  issuer_unreachable: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  server_failed: 422,
  registration_unavailable: 422,
  discovery_failed: 422,
  issuer_mismatch: 422,
  too_many_attempts: 429,
  temporarily_unavailable: 503,
} as const;
export type ErrorType = keyof typeof STATUS;

/** What the words of `R` are made of. */
export type ParamsOf<R extends ApiReason> = Parameters<(typeof API_WORDS)[R]['says']>[0];

/** Why the management API refuses, as data: each edge that speaks has its own words for it. */
export type ApiRefusal = {
  [R in ApiReason]: { type: ErrorType; reason: R; params: NonNullable<ParamsOf<R>>; field: string };
}[ApiReason];

/** A refusal, on its way to the one who asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(readonly refusal: ApiRefusal) {
    super(refusalWords(refusal));
  }

  get type(): ErrorType {
    return this.refusal.type;
  }

  /** @param reference a short code for the administrator of this gateway */
  toResponse(reference?: string): Response {
    const { type, field } = this.refusal;
    const headers = new Headers();
    if (type === 'unauthorized') headers.set('www-authenticate', 'Bearer realm="toolgate"');
    if (type === 'too_many_attempts') headers.set('retry-after', '60');
    if (type === 'temporarily_unavailable') headers.set('retry-after', '2');
    const message = reference ? `${this.message} (${reference})` : this.message;
    return Response.json(
      { error: { type, message, field: field || undefined } },
      { status: STATUS[type], headers },
    );
  }
}

/** A refusal. @param rest its parameters, and the dotted name of the member at fault */
export function refusal<R extends ApiReason>(
  reason: R,
  ...rest: Parameters<(typeof API_WORDS)[R]['says']> extends []
    ? [params?: Record<string, never>, field?: string]
    : [params: ParamsOf<R>, field?: string]
): ApiError {
  const [params = {}, field = ''] = rest;
  return new ApiError({ type: API_WORDS[reason].type, reason, params, field } as unknown as ApiRefusal);
}

/** The sentence of a refusal, for the caller the API. */
function refusalWords({ reason, params, field }: ApiRefusal): string {
  return (API_WORDS[reason].says as (params: unknown, field: string) => string)(params, field);
}

/** What is answered, on every verb, when `noun` has no such id. */
export function unknown(noun: Noun): ApiError {
  return refusal('no_such_thing', { noun });
}
export type Noun = Parameters<(typeof API_WORDS)['no_such_thing']['says']>[0]['noun'];

/** Refusals of requests that pages make in this isolate, by the request: its answer is the same for everyone. */
const refusals = new WeakMap<Request, ApiRefusal>();

export function noteRefusal(request: Request, { refusal }: ApiError): void {
  refusals.set(request, refusal);
}

/** Why a request that a page made was refused. */
export function refusalOf(request: Request): ApiRefusal | undefined {
  return refusals.get(request);
}
