/** Why nobody can be sent to a server's provider, in words for the administrator. */
export class ProviderProblem extends Error {
  override readonly name = 'ProviderProblem';
  /** What was tried, in order, a sentence each. */
  readonly tried: readonly string[];

  constructor(
    /** `unavailable` passes by itself; the others wait for an administrator. */
    readonly type: 'registration_unavailable' | 'discovery_failed' | 'issuer_mismatch' | 'unavailable',
    message: string,
    tried: readonly string[],
    /** Of ours, to be pasted where an app is registered by hand. */
    readonly redirectUri: string,
    /** What `oauth_config.issuer` has to be if the issuer that was found is to be accepted; null: that is not the problem. */
    readonly offeredIssuer: string | null = null,
  ) {
    super(plain(message));
    this.tried = tried.map(plain);
  }
}

/** Without characters that hide or turn others round: servers and providers name themselves (SECURITY 17). */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, '');
}
