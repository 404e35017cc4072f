import type { OpenServer } from '../accounts/open-servers';
import type { KnownVirtualMcp } from '../governance/virtual-mcps';
import { SLUG } from '../protocol/authorization';
import { Avatar } from '../ui/avatar';
import { APPS, type ConnectableApp } from '../ui/connect-apps';
import { AddIt, type AuthMode, type Endpoint, obstacleOf, waysInto } from '../ui/connect-lines';
import { countOf } from '../ui/english';
import type { Gateway } from '../ui/layout';
import { Cut, cut } from '../ui/name';
import { Copy, Head, Input, Notice, Tabs } from '../ui/parts';
import { type Arrival, wordsOf } from './arrival';

/** Servers that are named before the rest is unfolded. */
const MOST_NAMED = 6;

export type HomeProps = {
  gateway: Gateway;
  /** Null: the gateway does not know its own address. */
  to: Endpoint | null;
  mode: AuthMode;
  /** What is missing before apps can connect or have tools; null: nothing. */
  obstacle: { tone: 'bad' | 'warn' | 'info'; text: string } | null;
  /** Where people sign in; empty: nowhere. */
  providerHost: string;
  /** True where tools that are open to everyone need neither key nor sign-in. */
  isOpen: boolean;
  /** Who this browser's person is, in words; null: it knows no one. */
  who: string | null;
  serverCount: number;
  /** What the person this browser knows can use at the address; null: that is not known. */
  open: readonly OpenServer[] | null;
  toolsets: readonly KnownVirtualMcp[];
  /** Of the toolset or server that is connected to; null: everything. */
  slug: string | null;
  app: ConnectableApp | null;
  isByKey: boolean;
  since: number;
  arrival: Arrival;
};

/** The front page: which app, how it is connected, and beside it the address, how to get in and what is there. */
export function Home(props: HomeProps) {
  const { gateway, to, obstacle } = props;
  return (
    <>
      <Head
        title={
          <>
            Connect an app to <Cut of={gateway.displayName} />
          </>
        }
        lead={
          isUntold(props)
            ? 'This address gives your AI apps the tools of one toolset or server.'
            : `One address gives your AI apps every tool ${amountOf(props)}.`
        }
      />
      {obstacle && (
        <Notice
          tone={obstacle.tone}
          action={
            <a class="button small" href="/admin">
              Administration
            </a>
          }
        >
          {obstacle.text}
        </Notice>
      )}
      {to && (
        <div class="cols">
          <div class="stack wide">
            <Apps {...props} />
            {props.app && <OneApp {...props} to={to} app={props.app} />}
          </div>
          <aside class="stack wide">
            <Address {...props} to={to} />
            <GetAccess {...props} />
            <WhatYouGet {...props} />
          </aside>
        </div>
      )}
    </>
  );
}

/** True where a toolset or server is connected to of which nothing is told here. */
function isUntold({ open, slug }: HomeProps): boolean {
  return !open && slug !== null;
}

function amountOf({ open, serverCount }: HomeProps): string {
  if (!open) return `your team has set up${serverCount ? `: ${countOf(serverCount, 'server')}` : ''}`;
  const tools = open.reduce((sum, { tools }) => sum + tools.length, 0);
  return `you can use: ${countOf(open.length, 'server')}, ${countOf(tools, 'tool')}`;
}

function Apps(props: HomeProps) {
  return (
    <section class="stack" aria-labelledby="which">
      <h2 id="which">Choose your app</h2>
      <nav class="apps" aria-labelledby="which">
        {APPS.map((app) => (
          <a
            href={`${addressOf({ ...props, app })}#app`}
            aria-current={app === props.app ? 'true' : undefined}
          >
            <Avatar name={app.name} glyph={app.glyph} />
            <span>{app.name}</span>
          </a>
        ))}
      </nav>
    </section>
  );
}

type OneAppProps = HomeProps & { app: ConnectableApp; to: Endpoint };

function OneApp(props: OneAppProps) {
  const { app, to, mode } = props;
  const obstacle = obstacleOf(app, to, mode);
  const { signIn, key } = waysInto(app, to, mode);
  const isByKey = !signIn || (props.isByKey && key !== null);
  const ways = [
    { href: `${addressOf({ ...props, isByKey: false })}#app`, text: 'Sign in', isHere: !isByKey },
    { href: `${addressOf({ ...props, isByKey: true })}#app`, text: 'Access key', isHere: isByKey },
  ];
  const steps = isByKey ? key : signIn;
  return (
    <section class="card stack wide" id="app" aria-labelledby="app-title">
      <div class="row spread">
        <div class="thing">
          <Avatar name={app.name} glyph={app.glyph} />
          <h2 id="app-title">{app.name}</h2>
        </div>
        {signIn && key && <Tabs label={`How ${app.name} signs in`} ways={ways} />}
      </div>
      {obstacle && <p class="muted">{obstacle}</p>}
      {steps && !obstacle && (
        <>
          <ol class="steps">
            <li>
              <div class="stack tight">
                <b>Add the server</b>
                <AddIt name={app.name} steps={steps} />
              </div>
            </li>
            <li>
              <div class="stack tight">
                <b>
                  {steps.next ?? (isByKey ? 'Put in your access key' : 'Sign in when your browser opens')}
                </b>
                <small>
                  {isByKey ? (
                    <>
                      It starts with <code>sk-bf-</code>. Ask your administrator for one.
                    </>
                  ) : (
                    `You choose which tools ${nameIn(app)} can use.`
                  )}
                </small>
              </div>
            </li>
          </ol>
          {!isByKey && <Waiting {...props} />}
        </>
      )}
    </section>
  );
}

/** What an app is called in a sentence. */
export function nameIn(app: ConnectableApp | null): string {
  return !app || app.glyph === 'own' ? 'your app' : app.name;
}

function Waiting(props: OneAppProps) {
  const { app, since, arrival } = props;
  const query = new URLSearchParams({ app: app.glyph, since: String(since) });
  const isThere = arrival.state === 'connected';
  return (
    <>
      <hr class="rule" />
      <div
        class="waiting"
        id="waiting"
        data-state={arrival.state}
        data-wait={isThere ? undefined : `/waiting?${query}`}
      >
        <p role="status">{wordsOf(arrival, nameIn(app))}</p>
        <a class="button small" href={`${addressOf(props)}&since=${since}#waiting`}>
          Check now
        </a>
      </div>
    </>
  );
}

/** The address, for everything or for a toolset: one of those this browser's person has, else by the name they know. */
function Address({ to, toolsets, slug, app, isByKey }: HomeProps & { to: Endpoint }) {
  const description = toolsets.find(({ endpointSlug }) => endpointSlug === slug)?.description;
  const isListed = slug === null || toolsets.some(({ endpointSlug }) => endpointSlug === slug);
  const kept = (
    <>
      {app && <input type="hidden" name="app" value={app.glyph} />}
      {isByKey && <input type="hidden" name="by" value="key" />}
    </>
  );
  const use = (
    <button type="submit" class="button">
      Use
    </button>
  );
  return (
    <section class="card stack tight">
      <h2>Server address</h2>
      <Copy text={to.url} label="the server address" />
      {toolsets.length > 0 && (
        <form class="field" action="/">
          {kept}
          <label for="at">Connect to</label>
          <div class="unit">
            <select class="input grow" id="at" name="at">
              <option value="">All your tools</option>
              {toolsets.map(({ name, endpointSlug }) => (
                <option value={endpointSlug} selected={endpointSlug === slug}>
                  {cut(name)} (toolset)
                </option>
              ))}
              {!isListed && (
                <option value={slug} selected>
                  {slug} (toolset)
                </option>
              )}
            </select>
            {use}
          </div>
          {description && <small>{description}</small>}
        </form>
      )}
      {!toolsets.length && (
        <details class="quiet" open={slug !== null}>
          <summary>Connect to a toolset</summary>
          <form class="stack tight" action="/">
            {kept}
            <Input
              name="at"
              label="Name in its address"
              hint="The part after /mcp/. Toolsets are listed here once you have signed in or used your key."
              value={slug ?? ''}
              pattern={SLUG.source}
              autocomplete="off"
            />
            <div class="actions">{use}</div>
          </form>
        </details>
      )}
    </section>
  );
}

const NEEDS_KEY = 'You need an access key. Ask your administrator.';

function GetAccess({ gateway, mode, providerHost, isOpen, who }: HomeProps) {
  const takesSignIn = mode !== 'headers' && providerHost !== '';
  return (
    <section class="card stack tight">
      <h2>How to get access</h2>
      <p class="muted small">
        {who !== null && mode !== 'headers' ? (
          <>
            Signed in as <b>{who}</b>. Your app opens this browser, and you allow it here.
          </>
        ) : takesSignIn ? (
          <>
            Sign in with <b>{providerHost}</b>.
            {mode === 'both' && ' Scripts and jobs use an access key: ask your administrator.'}
          </>
        ) : (
          NEEDS_KEY
        )}
        {isOpen && ' Anyone who knows the address can use tools that are open to everyone.'}
      </p>
      {gateway.supportText && <p class="muted small">{gateway.supportText}</p>}
      {who === null && (
        <div class="actions">
          <a class="button small" href={takesSignIn ? '/oauth/sign-in?return_to=/' : '/me'}>
            {takesSignIn ? 'Sign in' : 'Enter your key'}
          </a>
        </div>
      )}
    </section>
  );
}

function WhatYouGet(props: HomeProps) {
  const { open, serverCount, slug, toolsets } = props;
  if (isUntold(props) || (!open && !serverCount)) return null;
  const toolset = toolsets.find(({ endpointSlug }) => endpointSlug === slug);
  return (
    <section class="card stack tight">
      <h2>What you get</h2>
      {toolset && (
        <p class="muted small">
          In the toolset <Cut of={toolset.name} />:
        </p>
      )}
      {!open && <p class="muted small">Tools of {countOf(serverCount, 'server')}.</p>}
      {open?.length === 0 && (
        <p class="muted small">
          You can’t use any tools yet. You can connect now; tools appear when an administrator gives you
          access.
        </p>
      )}
      {open && <Servers open={open.slice(0, MOST_NAMED)} />}
      {open && open.length > MOST_NAMED && (
        <details class="quiet">
          <summary>{countOf(open.length - MOST_NAMED, 'more server')}</summary>
          <Servers open={open.slice(MOST_NAMED)} />
        </details>
      )}
    </section>
  );
}

function Servers({ open }: { open: readonly OpenServer[] }) {
  return (
    <ul class="stack tight">
      {open.map(({ name, tools }) => (
        <li class="thing">
          <Avatar name={name} />
          <span>
            <Cut of={name} />{' '}
            <small>{tools.length ? countOf(tools.length, 'tool') : 'Connect it to see its tools'}</small>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The page for an app, at an address, by one of its ways in. */
function addressOf({ app, slug, isByKey }: Pick<HomeProps, 'app' | 'slug' | 'isByKey'>): string {
  const query = new URLSearchParams();
  if (app) query.set('app', app.glyph);
  if (slug !== null) query.set('at', slug);
  if (isByKey) query.set('by', 'key');
  return `/?${query}`;
}
