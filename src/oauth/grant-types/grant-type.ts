import type * as z from 'zod';
import type { Act } from '../../audit';
import type { Client } from '../../clients/store';
import type { Env } from '../../config';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { Params } from '../../protocol/params';
import type { Settings } from '../../settings';

/** What a grant type has to work with besides the form: the authenticated client, and where it stands. */
export type TokenContext = {
  client: Client;
  env: Env;
  settings: Settings;
  issuer: string;
  /** Where the request came from, as limits count it. */
  address: string;
  /** Goes on behind the answer. */
  later(work: Promise<unknown>): void;
  /** Tells the audit what the client did. */
  audit(act: Act): void;
};

/** One way to get an access token. */
export type GrantType = {
  /** What its form holds besides `grant_type` and the client's credentials, as the API's description shows it. */
  form: z.ZodRawShape;
  /** The answer to a form of an authenticated client. @throws OAuthError */
  answer(form: Params, context: TokenContext): Promise<TokenResponse>;
};
