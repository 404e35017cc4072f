import { type Context, Hono } from 'hono';
import type { App } from '../config';
import { ask } from '../database';
import { EVERY_GRANT, grantsQuestion } from '../grants/list';
import { modeOf } from '../identity';
import type { Proof } from '../identity/mode';
import { serverNamesQuestion } from '../servers/summaries';
import { accountPages, accountsQuestion, OwnAccounts } from './accounts';
import { AppList, appPages, todayOf } from './apps';
import { enter, leave, showEntrance } from './entrance';
import { formValue, visitOf } from './own-form';
import { ANOTHER, goOn, isAsked, pageOf, peoplePage, whoIs } from './page';
import { identitiesQuestion, type Visitor, visitorOf } from './visitor';

/** Apps on a page of the list, and how many of those that ended are told of. */
const MOST = 50;
const MOST_ENDED = 10;

/** What a person's apps may do, and their own accounts (CONTRACT §8, Pages): for whoever this browser knows to be them. */
export const me = new Hono<App>()
  .get('/', async (c) => {
    const visitor = await visitorOf(c);
    const { proofs } = visitor;
    const asked = c.req.query('as');
    const chosen = proofs.find((proof) => isAsked(asked, proof)) ?? proofs[0];
    return chosen && asked !== ANOTHER ? showAccess(c, visitor, chosen) : showEntrance(c, visitor);
  })
  .post('/', enter)
  .post('/leave', leave)
  .route('/apps', appPages)
  .route('/accounts', accountPages);

async function showAccess(c: Context<App>, visitor: Visitor, { subject }: Proof): Promise<Response> {
  const { DB } = c.env;
  const { settings } = c.var;
  const today = todayOf(c);
  const mine = { ...EVERY_GRANT, subjects: [subject] };
  const page = { limit: MOST, offset: offsetIn(c.req.query('offset')) };
  const [identities, apps, ended, servers, accounts] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    grantsQuestion(DB, { ...mine, status: 'active' }, page, today),
    grantsQuestion(DB, { ...mine, status: 'ended' }, { limit: MOST_ENDED, offset: 0 }, today),
    serverNamesQuestion(DB),
    accountsQuestion(DB, settings, subject),
  );
  const identity = identities.find((one) => one.subject === subject);
  const other = identities.find((one) => one.subject !== subject);
  if (!identity) return other ? goOn(c, pageOf(other)) : showEntrance(c, visitor);

  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, subject);
  const mode = modeOf(subject);
  const body = (
    <>
      <header class="stack tight">
        <h1>What your apps may do</h1>
        <p class="muted">
          As <b>{whoIs(identity)}</b>. {other && <a href={pageOf(other)}>Show it as {whoIs(other)}</a>}
          {!other && mode?.typed && <a href={`/me?as=${ANOTHER}`}>Use another {mode.words.kind}</a>}
        </p>
      </header>
      <AppList {...apps} {...page} ended={ended.grants} servers={servers} at={pageOf(identity)} />
      <OwnAccounts accounts={accounts} csrf={csrf} />
    </>
  );
  return peoplePage(c, { title: 'My access', at: '/me', visitor, visit, identity, body });
}

function offsetIn(asked: string | undefined): number {
  return /^\d{1,6}$/.test(asked ?? '') ? Number(asked) : 0;
}
