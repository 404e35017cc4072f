/** Every error code the gateway sends, with the status its specification assigns. */
const STATUS = {
  invalid_request: 400, // RFC 6749 §5.2
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400, // RFC 8707 §2
  invalid_redirect_uri: 400, // RFC 7591 §3.2.2
  invalid_client_metadata: 400,
  access_denied: 400, // RFC 6749 §4.1.2.1; only ever sent in a redirect, like the next two
  unsupported_response_type: 400,
  interaction_required: 400, // OpenID Connect Core §3.1.2.6
  not_found: 404,
  temporarily_unavailable: 503,
  slow_down: 429,
  server_error: 500,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** A failure the client may hear about: the description goes on the wire, `cause` to our log only. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  /** That of the code, unless HTTP has a better one. */
  readonly status: number;
  /** When a 503 may pass. Seconds. */
  private readonly retryAfter: number;

  constructor(
    readonly code: ErrorCode,
    description: string,
    options?: ErrorOptions & { status?: number; retryAfter?: number },
  ) {
    super(description.replace(/[^\x20-\x7e]|["\\]/g, "'"), options); // the characters RFC 6749 §5.2 allows
    this.status = options?.status ?? STATUS[code];
    this.retryAfter = options?.retryAfter ?? 2;
  }

  /**
   * The body and status of RFC 6749 §5.2; a client that tried HTTP Basic is told the scheme.
   * @param reference a short code for the administrator of this gateway
   */
  toResponse(reference?: string): Response {
    const headers = new Headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const { status } = this;
    if (status === 401) headers.set('www-authenticate', 'Basic realm="oauth2"');
    if (status === 429) headers.set('retry-after', '60');
    if (status === 503) headers.set('retry-after', String(this.retryAfter));
    const error_description = reference ? `${this.message} (${reference})` : this.message;
    return Response.json({ error: this.code, error_description }, { status, headers });
  }

  /** The same failure as parameters of the authorization response (RFC 6749 §4.1.2.1). */
  toParameters(): Record<string, string> {
    return { error: this.code, error_description: this.message };
  }
}

/** A passing fault of something we depend on: 503 with `Retry-After`, never 400 or 401 (CONTRACT §5). */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
