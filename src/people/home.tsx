import { type Context, Hono } from 'hono';
import { openServers, openServersQuestion } from '../accounts/open-servers';
import type { App } from '../config';
import { ask, known } from '../database';
import { type KnownVirtualMcp, virtualMcpsOfQuestion } from '../governance/virtual-mcps';
import { allowedSinceQuestion } from '../grants/list';
import { missingProviderSecret, PROVIDER_SECRET } from '../missing-secrets';
import { SLUG, slugOf } from '../protocol/authorization';
import { hasServersQuestion } from '../servers/find';
import { APPS, type ConnectableApp, endpointOf, isOutOfReach, WaysIn } from '../ui/connect-lines';
import { cut } from '../ui/name';
import { Badge, Copy, Tabs, type Tone } from '../ui/parts';
import { type Arrival, arrivalOf, wordsOf } from './arrival';
import { visitOf } from './own-form';
import { peoplePage } from './page';
import { identitiesQuestion, visitorOf } from './visitor';

/** How far back the page looks for what it waits for. Seconds. */
const MOST_WAITED = 3600;

/** The front page (CONTRACT §8): what this gateway is, how each app is connected to it, and word of the one that arrives. */
export const home = new Hono<App>()
  .get('/', showHome)

  /** What the front page asks while it waits: only of what this browser's own person allowed. */
  .get('/waiting', async (c) => {
    const { DB } = c.env;
    const { settings } = c.var;
    const now = Math.floor(Date.now() / 1000);
    const { proofs } = await visitorOf(c);
    const [identities, last] = await ask(
      DB,
      identitiesQuestion(DB, settings, proofs),
      allowedSinceQuestion(
        DB,
        proofs.map(({ subject }) => subject),
        sinceIn(c, now),
        { now, issuer: c.var.issuer },
      ),
    );
    const grant = last && identities.some(({ subject }) => subject === last.subject) ? last : null;
    const arrival = await arrivalOf(c.env, grant, ({ subject, resource, scope }) =>
      openServers(c.env, settings, subject, { resource, scope }),
    );
    const words = wordsOf(arrival, appIn(c)?.name ?? 'your app');
    return c.json({ state: arrival.state, words }, 200, { 'cache-control': 'no-store' });
  });

/** The app that was chosen, as its address names it. */
function appIn(c: Context<App>): ConnectableApp | null {
  return APPS.find(({ name }) => slugOf(name) === c.req.query('app')) ?? null;
}

/** Since when (epoch seconds) something that was allowed is what the page waits for. */
function sinceIn(c: Context<App>, now: number): number {
  const since = Number(c.req.query('since'));
  return since >= now - MOST_WAITED && since <= now ? since : now;
}

async function showHome(c: Context<App>): Promise<Response> {
  const { DB } = c.env;
  const { settings } = c.var;
  const now = Math.floor(Date.now() / 1000);
  const since = sinceIn(c, now);
  const visitor = await visitorOf(c);
  const subjects = visitor.proofs.map(({ subject }) => subject);
  const isAsking = c.req.query('since') !== undefined && subjects.length > 0;
  const [identities, hasServers, toolsets, last, openTo] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    hasServersQuestion(DB),
    subjects.length ? virtualMcpsOfQuestion(DB, subjects, now) : known<KnownVirtualMcp[]>([]),
    isAsking ? allowedSinceQuestion(DB, subjects, since, { now, issuer: c.var.issuer }) : known(null),
    isAsking ? openServersQuestion(DB, settings, subjects) : known(null),
  );
  const isKnown = identities.length === visitor.proofs.length;
  const grant = last && identities.some(({ subject }) => subject === last.subject) ? last : null;
  const arrival = await arrivalOf(
    c.env,
    grant,
    async (grant) => (await openTo?.(grant.subject, grant)) ?? [],
  );
  const asked = c.req.query('at') ?? '';
  const props: HomeProps = {
    displayName: settings.display_name,
    issuer: c.var.issuer,
    mode: settings.mcp_server_auth_mode,
    state: stateOf(c, hasServers),
    toolsets: isKnown ? toolsets : [],
    slug: SLUG.test(asked) ? asked : null,
    app: appIn(c),
    since,
    arrival,
  };
  return peoplePage(c, {
    title: 'Connect an app',
    at: '/',
    visitor,
    visit: visitOf(c),
    identity: identities[0] ?? null,
    body: <Home {...props} />,
  });
}

/** How the gateway stands: in a word, and, when something is missing, whose turn it is. */
type State = { tone: Tone; word: string; text: string };

function stateOf(c: Context<App>, hasServers: boolean): State {
  const { settings, issuer } = c.var;
  const mode = settings.mcp_server_auth_mode;
  if (!issuer) {
    const text =
      'It does not know its own address yet, so no app can connect. An administrator signs in under /admin and sets it with one click.';
    return { tone: 'bad', word: 'not ready', text };
  }
  const secret = missingProviderSecret(settings);
  if (secret && c.var.lostSecrets.has(PROVIDER_SECRET)) {
    const text = `Nobody can sign in: the saved client secret of the sign-in provider no longer opens. An administrator saves it again under /admin, or sets it with: ${secret.command}`;
    return { tone: 'warn', word: 'no sign-in', text };
  }
  if (secret) {
    const text = `The secret ${secret.name} is missing, so no app can connect. The administrator of this gateway sets it with: ${secret.command}`;
    return { tone: 'bad', word: 'not ready', text };
  }
  if (!hasServers) {
    const text = 'You can connect an app now; it has no tools until an administrator adds a server.';
    return { tone: 'warn', word: 'no tools yet', text };
  }
  return { tone: 'good', word: 'ready', text: WAYS_IN[mode] };
}

const WAYS_IN = {
  headers: 'Apps get in with an access key, which an administrator gives you.',
  both: 'Apps get in by opening your browser, where you say what they may use; or with an access key.',
  oauth: 'Apps get in by opening your browser, where you say what they may use.',
};

type HomeProps = {
  displayName: string;
  issuer: string | null;
  mode: 'headers' | 'both' | 'oauth';
  state: State;
  toolsets: readonly KnownVirtualMcp[];
  /** Of the toolset or server that is connected to; null: everything. */
  slug: string | null;
  app: ConnectableApp | null;
  since: number;
  arrival: Arrival;
};

function Home(props: HomeProps) {
  const { displayName, issuer, mode, state, toolsets, slug, app } = props;
  const to = issuer && endpointOf(issuer, displayName, slug);
  return (
    <>
      <header class="stack tight">
        <h1>Connect an app to {displayName}</h1>
        <p class="muted">
          One address gives Claude, ChatGPT, Cursor and other apps the tools of every server behind it.
        </p>
      </header>
      <section class="card stack" aria-label="The address">
        <p>
          <Badge tone={state.tone}>{state.word}</Badge> <span class="muted">{state.text}</span>
        </p>
        {to && (
          <>
            <Places {...props} />
            <Copy text={to.url} label="the address" />
          </>
        )}
        {to && !toolsets.length && <OtherPlace {...props} />}
      </section>
      {to && (
        <>
          <section class="stack">
            <h2 id="which">Which app?</h2>
            <ul class="choices" aria-labelledby="which">
              {APPS.map(({ name }) => (
                <li>
                  <a
                    class="button"
                    href={`${addressOf({ slug, app: name })}#app`}
                    aria-current={name === app?.name ? 'true' : undefined}
                  >
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </section>
          {app && (
            <section class="card stack wide" id="app" aria-label={app.name}>
              <h2>{app.name}</h2>
              <WaysIn app={app} to={to} mode={mode} />
              {mode !== 'headers' && !isOutOfReach(app, to) && <Waiting {...props} app={app} />}
            </section>
          )}
        </>
      )}
    </>
  );
}

/** Everything, or one of the toolsets that this browser's person may know of. */
function Places(props: HomeProps) {
  const { toolsets, slug, app } = props;
  if (!toolsets.length) return null;
  const at = (slug: string | null) => addressOf({ slug, app: app?.name });
  const ways = [
    { href: at(null), text: 'All your tools', isHere: slug === null },
    ...toolsets.map(({ name, endpointSlug }) => ({
      href: at(endpointSlug),
      text: cut(name),
      isHere: slug === endpointSlug,
    })),
  ];
  const description = toolsets.find(({ endpointSlug }) => endpointSlug === slug)?.description;
  return (
    <>
      <Tabs label="What to connect to" ways={ways} />
      {description && <p class="muted">{description}</p>}
    </>
  );
}

/** For whoever was told of a toolset, in a browser that cannot know: nothing is looked up. */
function OtherPlace({ slug, app }: HomeProps) {
  return (
    <details class="quiet" open={slug !== null}>
      <summary>I was told the name of a toolset</summary>
      <form class="row" action="/">
        {app && <input type="hidden" name="app" value={slugOf(app.name)} />}
        <label for="at">What follows /mcp/ in its address</label>
        <input class="input" id="at" name="at" value={slug ?? ''} pattern={SLUG.source} autocomplete="off" />
        <button type="submit" class="button">
          Use it
        </button>
      </form>
      <p class="muted">
        Where you allowed an app or used your key before, your toolsets are listed by themselves.{' '}
        <a href="/me">Say who you are</a>.
      </p>
    </details>
  );
}

function Waiting({ slug, app, since, arrival }: HomeProps & { app: ConnectableApp }) {
  const query = new URLSearchParams({ app: slugOf(app.name), since: String(since) });
  const isThere = arrival.state === 'connected';
  return (
    <div
      class="waiting stack tight"
      id="waiting"
      data-state={arrival.state}
      data-wait={isThere ? undefined : `/waiting?${query}`}
    >
      <p role="status">{wordsOf(arrival, app.name)}</p>
      <p class="row">
        <a class="button small" href={`${addressOf({ slug, app: app.name, since })}#waiting`}>
          Check now
        </a>
        <small>
          What you allow in this browser appears here. <a href="/me">My access</a> lists all of it.
        </small>
      </p>
    </div>
  );
}

function addressOf({ slug, app, since }: { slug: string | null; app: string | undefined; since?: number }) {
  const query = new URLSearchParams();
  if (app) query.set('app', slugOf(app));
  if (slug !== null) query.set('at', slug);
  if (since) query.set('since', String(since));
  return query.size ? `/?${query}` : '/';
}
