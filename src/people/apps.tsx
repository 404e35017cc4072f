import { type Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { openServersQuestion } from '../accounts/open-servers';
import { by } from '../audit';
import { visibleName } from '../clients/metadata';
import { registrationTimesQuestion } from '../clients/store';
import { type App, gatewayOf } from '../config';
import { EVERYTHING } from '../consent/choice';
import { ToolList } from '../consent/chooser';
import { choiceOfGrant, type GrantChoice, usableFor } from '../consent/grant-choice';
import { withDigests } from '../consent/services';
import { ask } from '../database';
import { changeGrant } from '../grants/change';
import { endGrant } from '../grants/end';
import { clientOf, grantQuestion } from '../grants/list';
import { findGrant, type Grant } from '../grants/store';
import { endOf, type Today } from '../grants/today';
import { Unavailable } from '../protocol/error';
import { serverNamesQuestion } from '../servers/summaries';
import { Confirm } from '../ui/forms';
import { fragment, PageProblem } from '../ui/layout';
import { cut, Name } from '../ui/name';
import { nameOf } from './app-words';
import { changeApp, MoreForm } from './change-app';
import { wayBackTo } from './entrance';
import { MOST_NAME, OneApp, type OneAppProps } from './one-app';
import { formValue, visitOf } from './own-form';
import { goOn, goTo, pageOf, peoplePage } from './page';
import { proofNow } from './proof-now';
import { actOnce, identitiesQuestion, visitorOf } from './visitor';

/** One app of a person's: what it may do, what they call it, and its end. Another one's is not there. */
export const appPages = new Hono<App>()
  .get('/:id', (c) => showApp(c, oneApp))
  .post('/:id', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const grant = await ownGrant(c, identity.subject);
      const name = [...(visibleName(fields.get('name') ?? '') ?? '')].slice(0, MOST_NAME).join('');
      const givenName = name && name !== grant.clientName ? name : null;
      const circumstances = { today: todayOf(c), by: by(c), names: new Map<string, string>() };
      if (!(await changeGrant(c.env, grant.grantId, circumstances, async () => ({ givenName })))) {
        throw new PageProblem(NOT_YOURS);
      }
      return goTo(c, pathOf(grant), `Renamed to ${cut(name || grant.clientName)}.`);
    }),
  )
  /** What it may use. An app that is to get more is shown on a page of its own first. */
  .get('/:id/access', (c) => goOn(c, `/me/apps/${c.req.param('id')}`))
  .post('/:id/access', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const grant = await ownGrant(c, identity.subject);
      const usable = await usableFor(c, grant);
      const made = await changeApp(c, grant.grantId, fields, usable, todayOf(c));
      if (made.is === 'gone') return goOn(c, pathOf(grant));
      if (made.is === 'saved') return goTo(c, pathOf(grant), 'Saved. Changes apply within seconds.');
      if (made.is === 'again') return showApp(c, (shown) => oneApp(shown, made.choice, made.problem));
      const proof = await proofNow(c, made.grant);
      return showApp(c, ({ csrf }) => ({
        status: made.isRefused ? 403 : 200,
        title: `${cut(nameOf(made.grant))} · Give more access`,
        isForm: true,
        body: <MoreForm {...made} usable={usable} fields={fields} proof={proof} csrf={csrf} />,
      }));
    }),
  )
  /** A server's tools, for the form to show once they are opened. Acts on nothing. */
  .get('/:id/tools', async (c) => {
    const { grant, usable } = await ownApp(c);
    const server = usable?.find(({ name }) => name === c.req.query('server'));
    if (!grant || !server) throw new PageProblem(NOT_YOURS);
    const action = `${pathOf(grant)}/access#s-${server.id}`;
    return fragment(
      gatewayOf(c),
      <ToolList server={server} unticked={EVERYTHING.unticked} action={action} />,
    );
  })
  .get('/:id/withdraw', (c) => showApp(c, revocation))
  .post('/:id/withdraw', (c) =>
    actOnce(c, async ({ identity }) => {
      const grant = await ownGrant(c, identity.subject);
      const now = Math.floor(Date.now() / 1000);
      const isTold = await endGrant(c.env.DB, c.env.GRANTS, grant.grantId, 'revoked_by_person', by(c), now);
      if (!isTold) throw new Unavailable('the index was not told that a grant ended');
      return goTo(c, pageOf(identity), `Access revoked. ${cut(nameOf(grant))} can’t use your tools.`);
    }),
  );

const pathOf = ({ grantId }: Grant) => `/me/apps/${grantId}`;

/** @throws PageProblem 404 when there is none, or it acts for someone else. */
async function ownGrant(c: Context<App>, subject: string): Promise<Grant> {
  const grant = await findGrant(c.env.DB, c.req.param('id') ?? '');
  if (grant?.subject === subject) return grant;
  throw new PageProblem(NOT_YOURS);
}

/** The app of the address with what it may be given, and whose it is. @throws PageProblem 404 as {@link ownGrant} */
async function ownApp(c: Context<App>) {
  const { DB } = c.env;
  const { settings } = c.var;
  const visitor = await visitorOf(c);
  const subjects = visitor.proofs.map(({ subject }) => subject);
  const id = c.req.param('id') ?? '';
  const [identities, grant, servers, openTo, times] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    grantQuestion(DB, id),
    serverNamesQuestion(DB),
    openServersQuestion(DB, settings, subjects),
    registrationTimesQuestion(DB, clientOf(id)),
  );
  if (!identities.length) return { visitor, servers, grant: null };
  const identity = identities.find(({ subject }) => subject === grant?.subject);
  if (!grant || !identity) throw new PageProblem(NOT_YOURS);
  const { subject, resource, scope, askedScope } = grant;
  const usable = await withDigests(await openTo(subject, { resource, scope: askedScope ?? scope }));
  return { visitor, servers, grant, identity, usable, registered: times.get(grant.clientId) };
}

/** What a page about an app is made of. */
type Shown = Omit<OneAppProps, 'choice' | 'problem'>;
type AppBody = { title: string; isForm?: boolean; body: Child; status?: number };

/** Shows a page about an app of this browser's person; null: it makes no sense any more, and the app's own page is shown. */
async function showApp(c: Context<App>, page: (shown: Shown) => AppBody | null): Promise<Response> {
  const { visitor, servers, grant, identity, usable, registered } = await ownApp(c);
  if (!grant) {
    const asked = wayBackTo(c.req.path);
    return goOn(c, asked === '/me' ? asked : `/me?return_to=${asked}`);
  }
  const end = endOf(grant, todayOf(c));
  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, grant.subject);
  const shown = page({ grant, end, identity, servers, registered, csrf, back: pageOf(identity), usable });
  return shown ? peoplePage(c, { ...shown, at: '/me', visitor, visit, identity }) : goOn(c, pathOf(grant));
}

function oneApp(shown: Shown, choice?: GrantChoice, problem?: string): AppBody {
  const { grant, usable } = shown;
  const body = <OneApp {...shown} choice={choice ?? choiceOfGrant(grant, usable)} problem={problem} />;
  return { title: cut(nameOf(grant)), body, status: problem ? 400 : 200 };
}

function revocation({ grant, end, csrf, back }: Shown): AppBody | null {
  if (end) return null;
  const name = cut(nameOf(grant));
  const body = (
    <Confirm
      title={
        <>
          Revoke <Name of={nameOf(grant)} />
          ’s access?
        </>
      }
      crumbs={[
        { href: back, text: 'Your apps' },
        { href: pathOf(grant), text: name },
      ]}
      action={`${pathOf(grant)}/withdraw`}
      button="Revoke access"
      busy="Revoking…"
      back={pathOf(grant)}
      csrf={csrf}
    >
      <p>It stops working within seconds, wherever it runs. Your connected accounts stay connected.</p>
      <p>You can’t undo this. To use it again, connect it again.</p>
    </Confirm>
  );
  return { title: `${name} · Revoke access`, isForm: true, body };
}

/** Now, and at which issuer: what decides whether a grant is valid. */
export function todayOf(c: Context<App>): Today {
  return { now: Math.floor(Date.now() / 1000), issuer: c.var.issuer };
}

const NOT_YOURS = {
  status: 404,
  title: 'App not found',
  text: 'It acts for someone else, or its access ended long ago.',
  way: { href: '/me', label: 'Your apps' },
};
