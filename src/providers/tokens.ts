/** What a provider issued (RFC 6749 §5.1). */
export type Tokens = {
  accessToken: string;
  refreshToken: string | null;
  /** As the provider spells it. */
  tokenType: string;
  /** Epoch seconds; null when the provider did not say. */
  expiresAt: number | null;
  /** Whose account it is, as an ID token beside them says; missing: there was none. */
  account?: string;
  /** Null when the provider did not say. */
  scopes: string[] | null;
};
