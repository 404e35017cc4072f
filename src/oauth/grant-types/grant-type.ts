import type * as z from 'zod/mini';
import type { Act } from '../../audit';
import type { Client } from '../../clients/store';
import type { Env } from '../../config';
import type { Question } from '../../database';
import type { Grant } from '../../grants/store';
import type { Standing } from '../../identity/standing';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { Params } from '../../protocol/params';
import type { Settings } from '../../settings';

/** What a grant type has to work with besides the form: the authenticated client, and where it stands. */
export type TokenContext = {
  client: Client;
  env: Env;
  settings: Settings;
  issuer: string;
  requestId: string;
  /** Where the request came from, as limits count it. */
  address: string;
  /** What {@link GrantType.grantOf} found; null: nothing, or the index does not answer. */
  indexed: IndexedGrant | null;
  /** Goes on behind the answer. */
  later(work: Promise<unknown>): void;
  /** Tells the audit what the client did. */
  audit(act: Act): void;
};

/** A grant as the index has it, and whether the one it acts for may be acted for now. */
export type IndexedGrant = { grant: Grant; standing: Standing };

/** One way to get an access token. */
export type GrantType = {
  /** What its form holds besides `grant_type` and the client's credentials, as the API's description shows it. */
  form: z.core.$ZodShape;
  /** The grant that a form names, for one that has to know it: read in the round trip that reads the client. */
  grantOf?(form: Params, db: D1Database, settings: Settings): Question<IndexedGrant | null>;
  /** The answer to a form of an authenticated client. @throws OAuthError */
  answer(form: Params, context: TokenContext): Promise<TokenResponse>;
};
