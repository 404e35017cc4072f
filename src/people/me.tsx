import { type Context, Hono } from 'hono';
import { registrationTimesQuestion } from '../clients/store';
import type { App } from '../config';
import { ask } from '../database';
import { clientsOnPage, EVERY_GRANT, grantsQuestion } from '../grants/list';
import { modeOf } from '../identity';
import type { Proof } from '../identity/mode';
import { keptPages } from '../kept-pages';
import { serverNamesQuestion } from '../servers/summaries';
import { Icon } from '../ui/icons';
import { Head } from '../ui/parts';
import { accountPages, accountsQuestion, OwnAccounts } from './accounts';
import { AppList } from './app-list';
import { appPages, todayOf } from './apps';
import { enter, leave, showEntrance, wayBackTo } from './entrance';
import { formValue, visitOf } from './own-form';
import { ANOTHER, goOn, isAsked, pageOf, peoplePage, whoIs } from './page';
import { identitiesQuestion, ownerOf, type Visitor, visitorOf } from './visitor';

/** Apps on a page of the list, and how many of those that ended it lists. */
const MOST = 50;
const MOST_ENDED = 10;

/** A person's apps and connected accounts (CONTRACT §8, Pages), in a browser that knows them. */
export const me = new Hono<App>()
  .use(keptPages(ownerOf))
  .get('/', async (c) => {
    const visitor = await visitorOf(c);
    const { proofs } = visitor;
    const asked = c.req.query('as');
    const chosen = proofs.find((proof) => isAsked(asked, proof)) ?? proofs[0];
    return chosen && asked !== ANOTHER
      ? showAccess(c, visitor, chosen)
      : showEntrance(c, visitor, wayBackTo(c.req.query('return_to')));
  })
  .post('/', enter)
  .get('/:form{leave|accounts}', (c) => goOn(c, '/me')) // someone who comes Back to an answer is shown the page
  .post('/leave', leave)
  .route('/apps', appPages)
  .route('/accounts', accountPages);

async function showAccess(c: Context<App>, visitor: Visitor, { subject }: Proof): Promise<Response> {
  const { DB } = c.env;
  const { settings } = c.var;
  const today = todayOf(c);
  const active = { ...EVERY_GRANT, subjects: [subject], status: 'active' as const };
  const page = { limit: MOST, offset: offsetIn(c.req.query('offset')) };
  const [identities, apps, ended, registered, servers, accounts] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    grantsQuestion(DB, active, page, today),
    grantsQuestion(DB, { ...active, status: 'ended' }, { limit: MOST_ENDED, offset: 0 }, today),
    registrationTimesQuestion(DB, clientsOnPage(active, page, today)),
    serverNamesQuestion(DB),
    accountsQuestion(DB, settings, subject),
  );
  const identity = identities.find((one) => one.subject === subject);
  const other = identities.find((one) => one.subject !== subject);
  if (!identity) return other ? goOn(c, pageOf(other)) : showEntrance(c, visitor, '/me');

  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, subject);
  const mode = modeOf(subject);
  const body = (
    <>
      <Head
        title="Your apps"
        actions={
          apps.total > 0 && (
            <a class="button primary" href="/">
              <Icon of="plus" />
              Connect an app
            </a>
          )
        }
        lead={
          <>
            {mode?.isSignedIn || mode?.typed ? 'Signed in as' : 'Not signed in:'} <b>{whoIs(identity)}</b>.{' '}
            {other && <a href={pageOf(other)}>Show {whoIs(other)} instead</a>}
            {!other && mode?.typed && <a href={`/me?as=${ANOTHER}`}>Use another {mode.words.kind}</a>}
          </>
        }
      />
      <AppList
        {...apps}
        {...page}
        ended={ended.grants}
        servers={servers}
        registered={registered}
        at={pageOf(identity)}
      />
      <OwnAccounts accounts={accounts} csrf={csrf} />
    </>
  );
  return peoplePage(c, { title: 'Your apps', at: '/me', visitor, visit, identity, body });
}

function offsetIn(asked: string | undefined): number {
  return /^\d{1,6}$/.test(asked ?? '') ? Number(asked) : 0;
}
