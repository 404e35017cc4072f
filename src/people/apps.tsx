import { type Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { by } from '../audit';
import { visibleName } from '../clients/metadata';
import type { App } from '../config';
import { ask } from '../database';
import { endGrant } from '../grants/end';
import { adviceOnEnd, isAlarming, whyEnded } from '../grants/end-words';
import { grantQuestion } from '../grants/list';
import { findGrant, type Grant, nameGrant } from '../grants/store';
import { endOf, type Today } from '../grants/today';
import { Unavailable } from '../protocol/error';
import { serverNamesQuestion } from '../servers/summaries';
import { Confirm, Csrf } from '../ui/forms';
import { PageProblem } from '../ui/layout';
import { Cut, cut, Name } from '../ui/name';
import { Badge, Empty, Input, Pager, Table, When } from '../ui/parts';
import { mayUse, nameOf, whereOf } from './app-words';
import { formValue, visitOf } from './own-form';
import { goOn, goTo, pageOf, peoplePage } from './page';
import { actOnce, identitiesQuestion, visitorOf } from './visitor';

const MOST_NAME = 60;

/** One app of a person's: what it may do, what they call it, and its end. Another one's is not there. */
export const appPages = new Hono<App>()
  .get('/:id', (c) => showApp(c, 'app'))
  .post('/:id', (c) =>
    actOnce(c, async ({ identity, fields }) => {
      const grant = await ownGrant(c, identity.subject);
      const name = [...(visibleName(fields.get('name') ?? '') ?? '')].slice(0, MOST_NAME).join('');
      await nameGrant(c.env.DB, grant.grantId, name && name !== grant.clientName ? name : null);
      return goTo(c, `/me/apps/${grant.grantId}`, `It is called ${cut(name || grant.clientName)} now.`);
    }),
  )
  .get('/:id/withdraw', (c) => showApp(c, 'withdraw'))
  .post('/:id/withdraw', (c) =>
    actOnce(c, async ({ identity }) => {
      const grant = await ownGrant(c, identity.subject);
      const now = Math.floor(Date.now() / 1000);
      const isTold = await endGrant(c.env.DB, c.env.GRANTS, grant.grantId, 'revoked_by_person', by(c), now);
      if (!isTold) throw new Unavailable('the index was not told that a grant ended');
      return goTo(c, pageOf(identity), `${cut(nameOf(grant))} cannot use your tools any more.`);
    }),
  );

/** @throws PageProblem 404 when there is none, or it acts for someone else. */
async function ownGrant(c: Context<App>, subject: string): Promise<Grant> {
  const grant = await findGrant(c.env.DB, c.req.param('id') ?? '');
  if (grant?.subject === subject) return grant;
  throw new PageProblem(NOT_YOURS);
}

async function showApp(c: Context<App>, what: 'app' | 'withdraw'): Promise<Response> {
  const { DB } = c.env;
  const visitor = await visitorOf(c);
  const [identities, grant, servers] = await ask(
    DB,
    identitiesQuestion(DB, c.var.settings, visitor.proofs),
    grantQuestion(DB, c.req.param('id') ?? ''),
    serverNamesQuestion(DB),
  );
  if (!identities.length) return goOn(c, '/me');
  const identity = identities.find(({ subject }) => subject === grant?.subject);
  if (!grant || !identity) throw new PageProblem(NOT_YOURS);
  const end = endOf(grant, todayOf(c));
  if (what === 'withdraw' && end) return goOn(c, `/me/apps/${grant.grantId}`);

  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, grant.subject);
  const body =
    what === 'app' ? (
      <OneApp grant={grant} end={end} servers={servers} csrf={csrf} back={pageOf(identity)} />
    ) : (
      <Confirm
        title={
          <>
            Withdraw the access of <Name of={nameOf(grant)} />?
          </>
        }
        action={`/me/apps/${grant.grantId}/withdraw`}
        button="Withdraw it"
        back={`/me/apps/${grant.grantId}`}
        csrf={csrf}
      >
        <p>
          It is refused within seconds, wherever it runs. Accounts you connected stay connected. To use it
          again, connect it again.
        </p>
      </Confirm>
    );
  const title = what === 'app' ? 'An app of yours' : 'Withdraw access';
  return peoplePage(c, { title, at: '/me', visitor, visit, identity, body });
}

/** Now, and at which issuer: what decides whether a grant is valid. */
export function todayOf(c: Context<App>): Today {
  return { now: Math.floor(Date.now() / 1000), issuer: c.var.issuer };
}

type Servers = ReadonlyMap<string, string>;
type OneAppProps = {
  grant: Grant;
  end: ReturnType<typeof endOf>;
  servers: Servers;
  csrf: string;
  back: string;
};

function OneApp({ grant, end, servers, csrf, back }: OneAppProps) {
  return (
    <>
      <header class="stack tight">
        <p class="muted">
          <a href={back}>My access</a>
        </p>
        <div class="row spread">
          <h1>
            <Name of={nameOf(grant)} />
          </h1>
          {end ? (
            <Badge tone={isAlarming(end.reason) ? 'bad' : 'off'}>ended: {whyEnded(end.reason)}</Badge>
          ) : (
            <Badge tone="good">has access</Badge>
          )}
        </div>
      </header>
      {end && adviceOnEnd(end.reason) && <p class="notice">{adviceOnEnd(end.reason)}</p>}
      <dl class="facts">
        {grant.givenName && (
          <Fact name="Calls itself">
            <Name of={grant.clientName} />
          </Fact>
        )}
        <Fact name="Where">{whereOf(grant)}</Fact>
        <Fact name="May use">
          <MayUse grant={grant} servers={servers} />
        </Fact>
        <Fact name="Allowed">
          <When at={rfc3339(grant.createdAt)} />
        </Fact>
        <Fact name="Last seen">
          <When at={rfc3339(grant.lastUsedAt)} never="not since then" />
        </Fact>
        <Fact name={end ? 'Ended' : 'Ends'}>
          <When
            at={rfc3339(end ? end.at : grant.expiresAt)}
            never={end ? 'when the address changed' : 'when you withdraw it'}
          />
        </Fact>
      </dl>
      {!end && (
        <>
          <form class="card stack" method="post" action={`/me/apps/${grant.grantId}`}>
            <Csrf value={csrf} />
            <Input
              name="name"
              label="What do you call it?"
              value={grant.givenName ?? ''}
              placeholder={grant.clientName}
              maxlength={MOST_NAME}
              autocomplete="off"
              hint="As “Claude on my laptop”. You and the administrators of this gateway see it."
            />
            <div class="actions">
              <button type="submit" class="button primary">
                Save the name
              </button>
            </div>
          </form>
          <section class="stack apart">
            <h2>Take its access back</h2>
            <p class="muted">It is refused within seconds. What you connected stays connected.</p>
            <div>
              <a class="button danger" href={`/me/apps/${grant.grantId}/withdraw`}>
                Withdraw
              </a>
            </div>
          </section>
        </>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children?: Child }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function MayUse({ grant, servers }: { grant: Grant; servers: Servers }) {
  const named = (grant.servers ?? []).flatMap(({ id, tools }) => {
    const name = servers.get(id);
    return name === undefined ? [] : [{ name, tools }];
  });
  return (
    <>
      {named.length ? grant.scope === 'mcp:read' && 'Reading only' : mayUse(grant, servers)}
      {named.map(({ name, tools }) => (
        <div>
          <b>{name}</b> <small>{tools ? tools.join(', ') : 'all tools, later ones too'}</small>
        </div>
      ))}
    </>
  );
}

type AppListProps = {
  grants: Grant[];
  total: number;
  limit: number;
  offset: number;
  /** The last ones that ended. */
  ended: Grant[];
  servers: Servers;
  /** The address of the page. */
  at: string;
};

/** The apps of someone that have access, and the last ones that had. */
export function AppList({ grants, total, limit, offset, ended, servers, at }: AppListProps) {
  return (
    <section class="stack">
      <div class="row spread">
        <h2>My apps</h2>
        <a class="button small" href="/">
          Connect an app
        </a>
      </div>
      {grants.length ? (
        <Table
          label="My apps"
          columns={[
            { name: 'App' },
            { name: 'May use' },
            { name: 'Allowed' },
            { name: 'Last seen' },
            { name: 'Ends' },
          ]}
        >
          {grants.map((grant) => (
            <tr>
              <td>
                <AppName grant={grant} />
              </td>
              <td data-label="May use">{mayUse(grant, servers)}</td>
              <td data-label="Allowed">
                <When at={rfc3339(grant.createdAt)} />
              </td>
              <td data-label="Last seen">
                <When at={rfc3339(grant.lastUsedAt)} never="not since then" />
              </td>
              <td data-label="Ends">
                <When at={rfc3339(grant.expiresAt)} never="when you withdraw it" />
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <Empty
          title={
            offset ? 'There are no more' : ended.length ? 'No app has access now' : 'No app has access yet'
          }
        >
          <p>
            Connect Claude, ChatGPT, Cursor or another app, and it appears here. <a href="/">Connect one</a>.
          </p>
        </Empty>
      )}
      {total > limit && (
        <Pager
          {...{ total, limit, offset, count: grants.length }}
          href={(offset) => `${at}&offset=${offset}`}
        />
      )}
      {ended.length > 0 && (
        <details class="quiet">
          <summary>Had access until lately</summary>
          <ul class="plain">
            {ended.map((grant) => (
              <li class="row spread">
                <span>
                  <AppName grant={grant} />
                </span>
                <span>
                  <Badge tone={isAlarming(grant.endedReason) ? 'bad' : 'off'}>
                    ended: {whyEnded(grant.endedReason ?? 'issuer_changed')}
                  </Badge>{' '}
                  {grant.endedAt !== null && (
                    <small>
                      <When at={rfc3339(grant.endedAt)} />
                    </small>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function AppName({ grant }: { grant: Grant }) {
  return (
    <>
      <a href={`/me/apps/${grant.grantId}`}>
        <b>
          <Cut of={nameOf(grant)} />
        </b>
      </a>
      <br />
      <small>{grant.givenName ? <Name of={grant.clientName} /> : whereOf(grant)}</small>
    </>
  );
}

function rfc3339(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}

const NOT_YOURS = {
  status: 404,
  title: 'There is no such app of yours',
  text: 'It may act for somebody else than this browser knows, or have ended long ago. Your own apps are on your page.',
  way: { href: '/me', label: 'To your apps' },
};
