import { type Context, Hono } from 'hono';
import { openServers, openServersQuestion } from '../accounts/open-servers';
import { type App, gatewayOf } from '../config';
import { ask, known } from '../database';
import { type KnownVirtualMcp, virtualMcpsOfQuestion } from '../governance/virtual-mcps';
import { allowedSinceQuestion } from '../grants/list';
import { providerHost } from '../identity/provider';
import { missingProviderSecret, PROVIDER_SECRET } from '../missing-secrets';
import { SLUG } from '../protocol/authorization';
import { serverCountQuestion } from '../servers/find';
import { APPS, type ConnectableApp } from '../ui/connect-apps';
import { endpointOf } from '../ui/connect-lines';
import { arrivalOf, wordsOf } from './arrival';
import { Home, type HomeProps, nameIn } from './home-page';
import { visitOf } from './own-form';
import { peoplePage, whoIs } from './page';
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
    const words = wordsOf(arrival, nameIn(appIn(c)));
    return c.json({ state: arrival.state, words }, 200, { 'cache-control': 'no-store' });
  });

/** The app that was chosen, as its address names it. */
function appIn(c: Context<App>): ConnectableApp | null {
  return APPS.find(({ glyph }) => glyph === c.req.query('app')) ?? null;
}

/** Since when (epoch seconds) something that was allowed is what the page waits for. */
function sinceIn(c: Context<App>, now: number): number {
  const since = Number(c.req.query('since'));
  return since >= now - MOST_WAITED && since <= now ? since : now;
}

/** Everything that may be asked for: what a page names is what an app could be allowed. */
const ALL = 'mcp:read mcp:write';

async function showHome(c: Context<App>): Promise<Response> {
  const { DB } = c.env;
  const { settings, issuer } = c.var;
  const now = Math.floor(Date.now() / 1000);
  const since = sinceIn(c, now);
  const visitor = await visitorOf(c);
  const subjects = visitor.proofs.map(({ subject }) => subject);
  const isAsking = c.req.query('since') !== undefined && subjects.length > 0;
  const [identities, serverCount, toolsetsOf, last, openTo] = await ask(
    DB,
    identitiesQuestion(DB, settings, visitor.proofs),
    serverCountQuestion(DB),
    subjects.length ? virtualMcpsOfQuestion(DB, subjects, now) : known<KnownVirtualMcp[]>([]),
    isAsking ? allowedSinceQuestion(DB, subjects, since, { now, issuer }) : known(null),
    subjects.length ? openServersQuestion(DB, settings, subjects) : known(null),
  );
  const grant = last && identities.some(({ subject }) => subject === last.subject) ? last : null;
  const arrival = await arrivalOf(
    c.env,
    grant,
    async (grant) => (await openTo?.(grant.subject, grant)) ?? [],
  );
  const asked = c.req.query('at') ?? '';
  const slug = SLUG.test(asked) ? asked : null;
  const toolsets = identities.length === visitor.proofs.length ? toolsetsOf : [];
  const to = issuer === null ? null : endpointOf(issuer, settings.display_name, slug);
  const [identity = null] = identities;
  // Of a toolset that is not the person's nothing is told, not even that there is one.
  const isTheirs = slug === null || toolsets.some(({ endpointSlug }) => endpointSlug === slug);
  const open =
    identity && to && openTo && isTheirs
      ? await openTo(identity.subject, { resource: to.url, scope: ALL })
      : null;
  const props: HomeProps = {
    gateway: gatewayOf(c),
    to,
    mode: settings.mcp_server_auth_mode,
    obstacle: obstacleOf(c, serverCount),
    providerHost: providerHost(settings),
    isOpen: !settings.enforce_auth_on_inference,
    who: identity && whoIs(identity),
    serverCount,
    open,
    toolsets,
    slug,
    app: appIn(c),
    isByKey: c.req.query('by') === 'key',
    since,
    arrival,
  };
  return peoplePage(c, {
    title: 'Connect an app',
    at: '/',
    visitor,
    visit: visitOf(c),
    identity,
    body: <Home {...props} />,
  });
}

/** What is missing before apps can connect or have tools, and whose turn it is. */
function obstacleOf(c: Context<App>, serverCount: number): HomeProps['obstacle'] {
  const { settings, issuer } = c.var;
  if (!issuer) {
    const text =
      'This gateway doesn’t know its own address yet, so no app can connect. An administrator confirms it in one step.';
    return { tone: 'bad', text };
  }
  const secret = missingProviderSecret(settings);
  if (secret && c.var.lostSecrets.has(PROVIDER_SECRET)) {
    const text = `No one can sign in: the stored client secret of the sign-in provider can’t be read. An administrator saves it again in Settings, or sets it with: ${secret.command}`;
    return { tone: 'warn', text };
  }
  if (secret) {
    const text = `The secret ${secret.name} is missing, so no app can connect. An administrator sets it with: ${secret.command}`;
    return { tone: 'bad', text };
  }
  if (serverCount) return null;
  const text =
    'There are no servers yet. You can connect now; tools appear when an administrator adds a server.';
  return { tone: 'info', text };
}
