import * as z from 'zod/mini';
import { map, known as nothing, type Question, together } from '../../database';
import { type JudgedTerms, judgedTerms, type Rotation } from '../../grants/grant';
import { askGrant, grantQuestion, subjectOfGrant, touchGrant } from '../../grants/store';
import { identitiesQuestion, modeOf, standingIn, standingOf } from '../../identity';
import { standingWith } from '../../identity/standing';
import { log } from '../../log';
import { canonicalResource, isUnder, narrowScope, scopeWithin } from '../../protocol/authorization';
import { OAuthError, Unavailable } from '../../protocol/error';
import { faultFacts } from '../../protocol/faults/storage';
import type { TokenResponse } from '../../protocol/oauth-answers';
import type { Params } from '../../protocol/params';
import type { Settings } from '../../settings';
import type { GrantType, IndexedGrant, TokenContext } from './grant-type';
import { tokenResponse } from './token-response';

/** How old the index's time of the last use gets before it is written again. Seconds. */
const TOUCHED_EVERY = 3600;

/**
 * Refreshing, RFC 6749 §6, with rotation (RFC 9700 §4.14.2). Everything is checked before a token is spent: by the terms that
 * the index has, which the object then compares with its own, or else by those.
 */
export const refreshToken: GrantType = {
  form: {
    refresh_token: z.string(),
    scope: z.optional(z.string().check(z.describe('May narrow what was granted'))),
    resource: z.optional(z.string()),
  },
  grantOf,
  answer,
};

function grantOf(
  { refresh_token }: Params,
  db: D1Database,
  settings: Settings,
): Question<IndexedGrant | null> {
  const presented = refresh_token ? parseRefreshToken(refresh_token) : null;
  if (!presented) return nothing(null);
  const { grantId } = presented;
  const asked = together(grantQuestion(db, grantId), identitiesQuestion(db, subjectOfGrant(grantId)));
  return map(asked, ([grant, identityOf]) => {
    if (!grant) return null;
    const identity = identityOf(grant.subject);
    return {
      grant,
      standing: standingWith(standingIn(identity, settings, Date.now() / 1000), grant.generation),
    };
  });
}

type Presented = { grantId: string; n: number; tag: string };

/** What the object made of it, and the scope by the terms that were judged. */
type Judged = { rotated: Rotation | null; scope: string };

async function answer(form: Params, context: TokenContext): Promise<TokenResponse> {
  if (!form.refresh_token) throw new OAuthError('invalid_request', 'refresh_token is required');
  const presented = parseRefreshToken(form.refresh_token);
  if (!presented) throw refusal();
  const { grantId } = presented;
  const { client, indexed } = context;

  const { rotated, scope } =
    (await rotateByIndex(form, context, presented)) ?? (await rotateByObject(form, context, presented));
  if (rotated && !rotated.ok && rotated.reason === 'reused') {
    context.audit({ act: 'refresh_token.reused', client_id: client.clientId, grant_id: grantId });
  }
  if (rotated?.ok === false && rotated.reason === 'other_terms') {
    throw new Unavailable('what the grant allows was changed at the same moment');
  }
  if (!rotated?.ok) throw refusal();
  noteUse(context, grantId);
  if (rotated.version !== (indexed?.grant.termsVersion ?? 0)) await tellIndex(context, grantId);
  return tokenResponse(context, grantId, rotated.terms, scope, rotated);
}

/** Rotates when the index has nothing against it; null: the object has to say what the terms are. */
async function rotateByIndex(
  form: Params,
  context: TokenContext,
  presented: Presented,
): Promise<Judged | null> {
  const { indexed } = context;
  if (indexed?.standing.is !== 'valid') return null;
  const terms = judgedTerms(indexed.grant);
  const scope = scopeOrNot(terms, form, context);
  if (scope === null) return null;
  const rotated = await rotate(context, presented, terms);
  return rotated?.ok === false && rotated.reason === 'other_terms' ? null : { rotated, scope };
}

/** Rotates by the terms that the object has, which no one else is told who lacks the token. @throws OAuthError */
async function rotateByObject(form: Params, context: TokenContext, presented: Presented): Promise<Judged> {
  const { env, settings } = context;
  const { grantId, n, tag } = presented;
  const terms = await askGrant(env.GRANTS, grantId, (grant) => grant.terms(n, tag));
  if (!terms) throw refusal();
  const judged = judgedTerms(terms);
  const scope = scopeBy(judged, form, context);

  const standing = await standingOf(env, settings, terms);
  const mode = modeOf(terms.subject);
  if (standing.is === 'suspended') throw new OAuthError('invalid_grant', mode?.suspended ?? GONE);
  if (standing.is === 'gone') {
    const reason = mode?.endReason ?? 'identity_refused';
    await askGrant(env.GRANTS, grantId, (grant) => grant.end(reason));
    throw new OAuthError('invalid_grant', GONE);
  }
  return { rotated: await rotate(context, presented, judged), scope };
}

function rotate(
  { client, env, settings }: TokenContext,
  { grantId, n, tag }: Presented,
  judged: JudgedTerms,
): Promise<Rotation | null> {
  const { refresh_reuse_interval: reuseInterval, refresh_token_ttl: idleTtl } = settings.oauth2_server_config;
  const rotation = { clientId: client.clientId, n, tag, judged, reuseInterval, idleTtl };
  return askGrant<Rotation>(env.GRANTS, grantId, async (grant) => grant.rotate(rotation));
}

/** The scope that this client gets by these terms. @throws OAuthError when they do not give it what it asks for */
function scopeBy(terms: JudgedTerms, form: Params, { client, issuer }: TokenContext): string {
  if (terms.clientId !== client.clientId) throw refusal();
  if (!isUnder(terms.resource, issuer)) throw refusal(); // kept, so that the old issuer brings it back (CONTRACT §5)
  const isOther = form.resource && form.resource !== terms.resource;
  if (isOther && canonicalResource(form.resource, issuer) !== terms.resource) {
    throw new OAuthError('invalid_target', 'the refresh token was issued for another resource');
  }
  const scope = scopeWithin(narrowScope(form.scope, terms.askedScope), terms.scope);
  if (!scope) throw new OAuthError('invalid_scope', `the scope was narrowed to ${terms.scope}`);
  return scope;
}

/** {@link scopeBy}; null for what it refuses. */
function scopeOrNot(terms: JudgedTerms, form: Params, context: TokenContext): string | null {
  try {
    return scopeBy(terms, form, context);
  } catch (error) {
    if (error instanceof OAuthError) return null;
    throw error;
  }
}

/** Notes the use in the index, behind the answer, once an hour: what follows a spent token cannot fail for want of storage. */
function noteUse({ env, indexed, later }: TokenContext, grantId: string): void {
  const now = Math.floor(Date.now() / 1000);
  if ((indexed?.grant.lastUsedAt ?? 0) > now - TOUCHED_EVERY) return;
  const note = async () => {
    if (await touchGrant(env.DB, grantId, now)) return;
    // The index does not know it, since an older one was restored: no list shows it, and `/mcp` takes none of its tokens.
    await askGrant(env.GRANTS, grantId, (grant) => grant.end('ended_before_restore'));
  };
  later(
    note().catch((error: unknown) =>
      log('grant.use_not_indexed', { grant_id: grantId, ...faultFacts(error) }),
    ),
  );
}

/** Tells an index that was restored, or missed a change, what the grant allows (SECURITY 26): no token is issued before. */
async function tellIndex({ env }: TokenContext, grantId: string): Promise<void> {
  if (await askGrant(env.GRANTS, grantId, (grant) => grant.tellTerms())) return;
  throw new Unavailable('the index was not told what a grant allows');
}

const GONE = 'who allowed this may no longer use this gateway';

function refusal(): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'the refresh token is unknown, replaced or expired, or its grant has ended',
  );
}

/** The parts of a refresh token: `<grant id>.<n>.<tag>`. Null for what this gateway could not have written. */
export function parseRefreshToken(token: string): Presented | null {
  const [, grantId, n, tag] = /^([0-9a-f]{64})\.([1-9]\d{0,9})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  return grantId && n && tag ? { grantId, n: Number(n), tag } : null;
}
