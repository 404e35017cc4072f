import { Hono } from 'hono';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { keyFactsQuestion } from '../../../governance/key-overview';
import { callsByHourQuestion } from '../../../governance/tool-counts';
import { EVERY_GRANT, endedByReuseQuestion } from '../../../grants/list';
import { serversQuestion } from '../../../servers/find';
import { type Server, stateOf } from '../../../servers/server';
import { Cut, Name } from '../../../ui/name';
import { Badge, LastUse, Table, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { shownGrantsQuestion } from '../../api/grants';
import { unreadableQuestion } from '../../api/sealed-values';
import { type GrantView, holderOf, mayUse } from '../access/words';
import { adminPage, csrfOf } from '../frame';
import { SERVER_STATES } from '../servers/state';
import { lastFailureWords } from '../words/failures';
import { CallChart } from './call-chart';
import type { OverviewFacts } from './facts';
import { FirstSteps } from './first-steps';
import { Warnings } from './warnings';

const DAY = 86_400;
const HOURS = 24;
/** Servers in the list: those that need someone come first. */
const MOST_SERVERS = 12;
const LATELY = 5;

/** The front page of administration: how it goes, and what needs someone. */
export const overviewPage = new Hono<App>().get('/', async (c) => {
  const { settings, issuer } = c.var;
  const facts = await readFacts(c.env, issuer);
  const { origin } = new URL(c.req.url);
  const body = (
    <>
      <h1>Overview</h1>
      <Warnings facts={facts} settings={settings} issuer={issuer} origin={origin} csrf={await csrfOf(c)} />
      <FirstSteps facts={facts} />
      <Tiles facts={facts} />
      {facts.hours.some(({ calls }) => calls) && (
        <section class="stack tight">
          <h2>Tool calls, last 24 hours</h2>
          <CallChart hours={facts.hours} />
        </section>
      )}
      {facts.servers.length > 0 && <Servers facts={facts} />}
      {facts.lately.length > 0 && <Lately access={facts.lately} />}
    </>
  );
  return adminPage(c, { title: 'Overview', at: '/admin', body });
});

/** Everything in one trip to the database. */
async function readFacts(
  { DB: db, ENCRYPTION_KEY }: App['Bindings'],
  issuer: string | null,
): Promise<OverviewFacts> {
  const now = Math.floor(Date.now() / 1000);
  const thisHour = Math.floor(now / 3600);
  const first = thisHour - HOURS + 1;
  const [{ servers, total }, counted, access, keys, reused, unreadable] = await ask(
    db,
    serversQuestion(db, { search: '', limit: 500, offset: 0 }),
    callsByHourQuestion(db, first),
    shownGrantsQuestion(db, { ...EVERY_GRANT, status: 'active' }, { limit: LATELY, offset: 0 }, issuer),
    keyFactsQuestion(db, now),
    endedByReuseQuestion(db, now - 7 * DAY),
    unreadableQuestion(db, ENCRYPTION_KEY),
  );
  const byHour = new Map(counted.map((hour) => [hour.hour, hour]));
  const hours = Array.from(
    { length: HOURS },
    (_, at) => byHour.get(first + at) ?? { hour: first + at, calls: 0, failed: 0 },
  );
  const isWaiting = (server: Server) => /^(needs_reauth|pending_verification)$/.test(stateOf(server));
  return {
    servers,
    serverCount: total,
    hours,
    accessCount: access.total,
    lately: access.shown,
    keyCount: keys.count,
    withOldValue: keys.withOldValue,
    reused,
    waiting: servers.filter(isWaiting).slice(0, 3),
    unreadable: await unreadable,
  };
}

function Tiles({ facts }: { facts: OverviewFacts }) {
  const { servers, serverCount, accessCount, hours } = facts;
  const calls = hours.reduce((sum, hour) => sum + hour.calls, 0);
  const failed = hours.reduce((sum, hour) => sum + hour.failed, 0);
  const unwell = servers.filter((server) => !/^(healthy|disabled)$/.test(stateOf(server))).length;
  return (
    <div class="tiles">
      <Tile href="/admin/access" label="Apps with access" value={accessCount.toLocaleString('en')} />
      <Tile label="Tool calls, last 24 h" value={calls.toLocaleString('en')} />
      <Tile label="Failed" value={calls ? share(failed / calls) : '–'} />
      <Tile href="/admin/servers" label="Servers" value={serverCount.toLocaleString('en')}>
        {unwell > 0 && <Badge tone="warn">{unwell} unwell</Badge>}
      </Tile>
    </div>
  );
}

type TileProps = { label: string; value: string; href?: string; children?: unknown };

function Tile({ label, value, href, children }: TileProps) {
  return (
    <div class="tile">
      <small>{href ? <a href={href}>{label}</a> : label}</small>
      <b>
        {value} {children}
      </b>
    </div>
  );
}

function share(part: number): string {
  if (part > 0 && part < 0.001) return '< 0.1 %';
  return `${(100 * part).toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}

function Servers({ facts: { servers, serverCount } }: { facts: OverviewFacts }) {
  const urgency = (server: Server) =>
    ['unstable', 'needs_reauth', 'pending_verification', 'healthy', 'disabled'].indexOf(stateOf(server));
  const shown = [...servers].sort((a, b) => urgency(a) - urgency(b)).slice(0, MOST_SERVERS);
  return (
    <section class="stack tight">
      <div class="row spread">
        <h2>Servers</h2>
        {serverCount > shown.length && <a href="/admin/servers">All {serverCount.toLocaleString('en')}</a>}
      </div>
      <Table label="Servers" columns={[{ name: 'Server' }, { name: 'State' }, { name: 'Lately' }]}>
        {shown.map((server) => {
          const { word, tone } = SERVER_STATES[stateOf(server)];
          const { lastFailure } = server;
          return (
            <tr>
              <td>
                <a href={`/admin/servers/${server.id}`}>
                  <b>{server.name}</b>
                </a>
              </td>
              <td data-label="State">
                <Badge tone={tone}>{word}</Badge>
              </td>
              <td data-label="Lately">
                <span>
                  {lastFailure && stateOf(server) !== 'healthy' ? (
                    <>
                      {lastFailureWords(lastFailure)}{' '}
                      <small>
                        since <When at={rfc3339(lastFailure.since)} />
                      </small>
                    </>
                  ) : (
                    <small>
                      listed its tools <When at={rfc3339(server.listedAt)} />
                    </small>
                  )}
                </span>
              </td>
            </tr>
          );
        })}
      </Table>
    </section>
  );
}

function Lately({ access }: { access: GrantView[] }) {
  return (
    <section class="stack tight">
      <div class="row spread">
        <h2>Apps allowed lately</h2>
        <a href="/admin/access">All apps with access</a>
      </div>
      <Table
        label="Apps allowed lately"
        columns={[
          { name: 'App' },
          { name: 'Bound to' },
          { name: 'May use' },
          { name: 'Allowed' },
          { name: 'Last used' },
        ]}
      >
        {access.map((one) => (
          <tr>
            <td>
              <a href={`/admin/access/${one.id}`}>
                <b>{one.client_name ? <Cut of={one.client_name} /> : 'An app without a name'}</b>
              </a>
            </td>
            <td data-label="Bound to">
              <Name of={holderOf(one).name} />
            </td>
            <td data-label="May use">{mayUse(one)}</td>
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
        ))}
      </Table>
    </section>
  );
}
