import { Hono } from 'hono';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { keyFactsQuestion } from '../../../governance/key-overview';
import { callsByHourQuestion, mostFailedQuestion } from '../../../governance/tool-counts';
import { peopleFactsQuestion } from '../../../governance/users';
import { allowedByDayQuestion, EVERY_GRANT, endedByReuseQuestion } from '../../../grants/list';
import { serversQuestion } from '../../../servers/find';
import { Avatar } from '../../../ui/avatar';
import { Icon } from '../../../ui/icons';
import { Cut, cut } from '../../../ui/name';
import { Head, LastUse, When } from '../../../ui/parts';
import { Table } from '../../../ui/table';
import { shownGrantsQuestion } from '../../api/grants';
import { unreadableQuestion } from '../../api/sealed-values';
import { type GrantView, holderOf, mayUse, returnHostOf } from '../access/words';
import { adminPage, csrfOf } from '../frame';
import { CallChart } from './call-chart';
import type { OverviewFacts } from './facts';
import { FirstSteps } from './first-steps';
import { Tiles } from './tiles';
import { TroubledServers, troubledOf } from './trouble';
import { Warnings } from './warnings';

const DAY = 86_400;
const HOURS = 24;
/** Days of which it is told how many apps were allowed. */
const DAYS = 28;
/** Apps in the list. */
const RECENT = 5;

/** The front page of administration: what needs someone, then how it goes. */
export const overviewPage = new Hono<App>().get('/', async (c) => {
  const { settings, issuer } = c.var;
  const facts = await readFacts(c.env, issuer);
  const { origin } = new URL(c.req.url);
  const isNew = facts.accessCount === 0;
  const body = (
    <>
      <Head title="Overview" actions={!isNew && <Actions />} />
      <Warnings
        facts={facts}
        refusedSettings={c.var.refusedSettings}
        settings={settings}
        issuer={issuer}
        origin={origin}
        csrf={await csrfOf(c)}
      />
      <TroubledServers troubled={facts.troubled} total={facts.serverCount} />
      <FirstSteps facts={facts} />
      <Tiles facts={facts} />
      {facts.hours.some(({ calls }) => calls) && <CallChart hours={facts.hours} />}
      {facts.recent.length > 0 && <Recent access={facts.recent} />}
    </>
  );
  return adminPage(c, { title: 'Overview', at: '/admin', body });
});

function Actions() {
  return (
    <>
      <a class="button" href="/">
        Connect an app
      </a>
      <a class="button primary" href="/admin/servers/new">
        <Icon of="plus" />
        Add a server
      </a>
    </>
  );
}

/** Everything in one trip to the database. */
async function readFacts(
  { DB: db, ENCRYPTION_KEY }: App['Bindings'],
  issuer: string | null,
): Promise<OverviewFacts> {
  const now = Math.floor(Date.now() / 1000);
  const first = Math.floor(now / 3600) - HOURS + 1;
  const today = Math.floor(now / DAY);
  const week = now - 7 * DAY;
  const [{ servers, total }, counted, mostFailed, access, allowed, people, keys, reused, unreadable] =
    await ask(
      db,
      serversQuestion(db, { search: '', limit: 500, offset: 0 }),
      callsByHourQuestion(db, first - HOURS),
      mostFailedQuestion(db, first),
      shownGrantsQuestion(db, { ...EVERY_GRANT, status: 'active' }, { limit: RECENT, offset: 0 }, issuer),
      allowedByDayQuestion(db, today - DAYS + 1),
      peopleFactsQuestion(db, week),
      keyFactsQuestion(db, now),
      endedByReuseQuestion(db, week),
      unreadableQuestion(db, ENCRYPTION_KEY),
    );
  const before = counted.filter(({ hour }) => hour < first);
  const byHour = new Map(counted.map((hour) => [hour.hour, hour]));
  return {
    serverCount: total,
    troubled: troubledOf(servers),
    hours: Array.from(
      { length: HOURS },
      (_, at) => byHour.get(first + at) ?? { hour: first + at, calls: 0, failed: 0 },
    ),
    callsBefore: before.reduce((sum, { calls }) => sum + calls, 0),
    mostFailedAt: servers.find(({ id }) => id === mostFailed)?.name ?? null,
    accessCount: access.total,
    allowedByDay: Array.from({ length: DAYS }, (_, at) => allowed.get(today - DAYS + 1 + at) ?? 0),
    recent: access.shown,
    people,
    keyCount: keys.count,
    withOldValue: keys.withOldValue,
    reused,
    unreadable: await unreadable,
  };
}

function Recent({ access }: { access: GrantView[] }) {
  return (
    <section class="stack">
      <div class="row spread">
        <h2>Recently allowed apps</h2>
        <a class="small" href="/admin/access">
          All apps
        </a>
      </div>
      <Table
        label="Recently allowed apps"
        columns={['App', 'Acts as', 'Can use', 'Allowed', 'Last used'].map((name) => ({ name }))}
      >
        {access.map((one) => {
          const name = one.client_name ?? 'An app without a name';
          return (
            <tr>
              <td>
                <span class="thing">
                  <Avatar name={name} />
                  <span>
                    <a class="name cut" href={`/admin/access/${one.id}`} title={cut(name)}>
                      <Cut of={name} />
                    </a>
                    <small class="cut" title={returnHostOf(one)}>
                      {returnHostOf(one)}
                    </small>
                  </span>
                </span>
              </td>
              <td data-label="Acts as">
                <span class="cut" title={holderOf(one).name}>
                  <Cut of={holderOf(one).name} />
                </span>
              </td>
              <td data-label="Can use">
                <span>{mayUse(one)}</span>
              </td>
              <td data-label="Allowed">
                <span>
                  <When at={one.created_at} />
                </span>
              </td>
              <td data-label="Last used">
                <span>
                  <LastUse at={one.last_used_at} />
                </span>
              </td>
            </tr>
          );
        })}
      </Table>
    </section>
  );
}
