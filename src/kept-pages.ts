import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { App } from './config';
import { hashSecret, mac, openAlone, randomSecret, sealAlone } from './crypto/secrets';
import { baseOf, siteOf } from './identity/browser-session';
import { log } from './log';
import { readCookie, writeCookie } from './protocol/cookies';
import { Destination } from './protocol/destination';
import { faultFacts } from './protocol/faults/storage';
import { isPlain } from './protocol/params';
import { sendOn } from './ui/layout';

/** How long a page that answered a form is kept. Seconds. */
const LIFE = 120;
/** How many are in D1 at one time, of all browsers. The cron makes room. */
const MOST = 500;
/** Bytes of one, compressed and sealed: in D1, and in a cookie. */
const MOST_STORED = 131_072;
const MOST_IN_COOKIE = 3600;

/** Names the page in the address it is shown at. */
const NAME = 'answer';
const COOKIE = 'toolgate-answer';

/** When it is over (epoch seconds), the page, and how it was answered. */
type Kept = [until: number, html: string, init: { status: number; headers: [string, string][] }];

/** Names the browser, and whom it is known as by now. Null: no one who is known, for whom nothing is written. */
type OwnerOf = (c: Context<App>) => Promise<string | null>;

/**
 * For browsers without a script, which show an error page of their own when someone comes Back to what answered a POST: sends them
 * on to an address where the answer is shown for two minutes, and then the page of its form (docs/decisions/0113).
 */
export function keptPages(ownerOf: OwnerOf = async () => null) {
  return createMiddleware<App>(async (c, next) => {
    const { DB, ENCRYPTION_KEY } = c.env;
    const now = Math.floor(Date.now() / 1000);
    const url = new URL(c.req.url);
    const asked = url.searchParams.get(NAME);
    url.searchParams.delete(NAME);
    const sendTo = (cookies: string[]) =>
      sendOn(Destination.own(siteOf(c), url.pathname + url.search), cookies);
    /** The key seals nothing else, and takes what only the address says: who has D1 and ENCRYPTION_KEY lacks it. */
    const placeOf = async (id: string) => {
      const owner = await ownerOf(c);
      const key = await mac(ENCRYPTION_KEY, JSON.stringify(['kept page', owner, url.pathname, id]));
      return { owner, key, row: await hashSecret(key) };
    };

    if (asked && c.req.method === 'GET') {
      const { owner, key, row } = await placeOf(asked);
      const sealed =
        owner === null
          ? readCookie(baseOf(c), c.req.header('cookie'), COOKIE)
          : await DB.prepare('SELECT answer FROM form_once WHERE id = ?1').bind(row).first<string>('answer');
      const [until, html, init] = JSON.parse((sealed && (await openAlone(key, sealed))) || '[0]') as Kept;
      return until > now ? new Response(html, init) : sendTo([]);
    }
    await next();

    const { headers, status } = c.res;
    // Where that leads, the answer is not one for here.
    if (!isPlain(c.req.raw) || headers.has('location') || headers.has('refresh')) return;
    const id = randomSecret(16);
    const { owner, key, row } = await placeOf(id);
    const html = await c.res.clone().text();
    const shown = [...headers].filter(([name]) => name !== 'set-cookie');
    const kept: Kept = [now + LIFE, html, { status, headers: shown }];
    const sealed = await sealAlone(key, JSON.stringify(kept));
    if (sealed.length > (owner === null ? MOST_IN_COOKIE : MOST_STORED)) return;
    const cookies = headers.getSetCookie();
    if (owner === null) cookies.push(writeCookie(baseOf(c), { name: COOKIE, value: sealed, maxAge: LIFE }));
    else if (!(await store(DB, [row, now, sealed, MOST]))) return;
    url.searchParams.set(NAME, id);
    c.res = undefined; // else its headers would be those of what takes its place
    c.res = sendTo(cookies);
  });
}

/** Keeps a page, unless as many are kept as may be. @returns whether it is kept; not when D1 does not answer */
async function store(db: D1Database, values: [string, number, string, number]): Promise<boolean> {
  const kept = await db
    .prepare(
      `INSERT INTO form_once (id, digest, claimed_at, answer)
       SELECT ?1, 'page', ?2, ?3 WHERE (SELECT count(*) FROM form_once WHERE digest = 'page') < ?4`,
    )
    .bind(...values)
    .run()
    .catch((error: unknown) => log('form.answer_not_kept', faultFacts(error))); // the form took effect all the same
  return !!kept?.meta.changes;
}
