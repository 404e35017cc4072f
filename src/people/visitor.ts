import type { Context } from 'hono';
import type { App } from '../config';
import { ask, map, type Question, together } from '../database';
import { standingQuestion } from '../identity';
import { rememberedIdentity } from '../identity/browser';
import { baseOf, browserSession } from '../identity/browser-session';
import type { Identity, Proof } from '../identity/mode';
import type { SignedIn } from '../identity/signed-in';
import { identityOf } from '../identity/user';
import { once } from '../once';
import type { Settings } from '../settings';
import { outOfDate, readOwnForm, visitOf } from './own-form';

/** Whom a browser's person may be. Whether they still stand is asked along with what a page shows. */
export type Visitor = {
  session: SignedIn | null;
  /** As signed in, then as remembered from a consent or a key; no one twice. */
  proofs: readonly Proof[];
};

/** Who opened this page, as far as this browser knows. */
export async function visitorOf(c: Context<App>): Promise<Visitor> {
  const session = await browserSession(c);
  const now = Math.floor(Date.now() / 1000);
  const cookies = c.req.header('cookie');
  const remembered = await rememberedIdentity(c.env.ENCRYPTION_KEY, baseOf(c), cookies, session, now);
  const own: Proof | null = session?.user ? identityOf(session.user) : null;
  const isOther = remembered && remembered.subject !== own?.subject;
  return { session, proofs: [...(own ? [own] : []), ...(isOther ? [remembered] : [])] };
}

/** The browser with whom it knows, for pages that are kept for it; null: it knows no one. */
export async function ownerOf(c: Context<App>): Promise<string | null> {
  const { proofs } = await visitorOf(c);
  return proofs.length ? JSON.stringify(['people', visitOf(c).secret, proofs]) : null;
}

/** Those of them who still stand. */
export function identitiesQuestion(
  db: D1Database,
  settings: Settings,
  proofs: readonly Proof[],
): Question<Identity[]> {
  const asked = together(...proofs.map((proof) => standingQuestion(db, settings, proof)));
  return map(asked, (standings) =>
    proofs.flatMap(({ subject, generation }, at) => {
      const standing = standings[at];
      return standing?.is === 'valid' ? [{ subject, generation, name: standing.name }] : [];
    }),
  );
}

/** What a form is about: for whom it acts, and what it says. */
type Acting = { identity: Identity; fields: URLSearchParams };

/**
 * Acts, once (SECURITY 32), for the one a form was shown to, who still stands. It had an effect when it sends the
 * browser on.
 * @throws PageProblem 403 for any other form
 */
export async function actOnce(
  c: Context<App>,
  act: (acting: Acting) => Promise<Response>,
): Promise<Response> {
  const { fields, browser, ...form } = await readOwnForm(c);
  const { proofs } = await visitorOf(c);
  const [identities] = await ask(c.env.DB, identitiesQuestion(c.env.DB, c.var.settings, proofs));
  for (const identity of identities) {
    if (!(await form.isFor(identity.subject))) continue;
    c.set('actor', identity.subject);
    const { pathname, search } = new URL(c.req.url);
    const sent = {
      owner: `people ${browser} ${identity.subject}`,
      path: pathname,
      address: pathname + search,
      fields,
      base: baseOf(c),
      way: { href: '/me', label: 'Your apps' },
    };
    return once(c.env, sent, async () => {
      const response = await act({ identity, fields });
      return { response, isDone: response.headers.has('location') };
    });
  }
  throw outOfDate(c);
}
