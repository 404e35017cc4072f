/** Every error type of the management API, with its status (CONTRACT §8). */
const STATUS = {
  invalid_request: 400,
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

/** A refusal of the management API: `message` is a sentence for whoever called, `field` the dotted name of the member at fault. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly type: keyof typeof STATUS,
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }

  /** @param reference a short code for whoever runs this gateway */
  toResponse(reference?: string): Response {
    const headers = new Headers();
    if (this.type === 'unauthorized') headers.set('www-authenticate', 'Bearer realm="toolgate"');
    if (this.type === 'too_many_attempts') headers.set('retry-after', '60');
    if (this.type === 'temporarily_unavailable') headers.set('retry-after', '2');
    const { type, field } = this;
    const message = reference ? `${this.message} (${reference})` : this.message;
    return Response.json({ error: { type, message, field } }, { status: STATUS[type], headers });
  }
}

/** What is answered, on every verb, when `noun` has no such id. */
export function unknown(noun: string): ApiError {
  return new ApiError('not_found', `There is no ${noun} with this id.`);
}
