import { type Context, Hono } from 'hono';
import { DEFAULT_AUTH_TYPE } from '../../../accounts/auth/index';
import { type App, allowsLoopback } from '../../../config';
import { baseOf } from '../../../identity/browser-session';
import { log } from '../../../log';
import { checkAddress, type Finding } from '../../../mcp-client/address-check';
import { Destination } from '../../../protocol/destination';
import { targetFault } from '../../../protocol/public-url';
import { PRESETS, type Preset } from '../../../providers/presets';
import { introductionOf, redirectUriOf } from '../../../providers/registration';
import { Csrf } from '../../../ui/forms';
import { sendOn } from '../../../ui/layout';
import { Input } from '../../../ui/parts';
import type { Asked } from '../../api/servers/asked';
import { act, type FormFields, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { VALUE_WORDS } from '../words/values';
import { FindingCard, PresetCard, typesFor } from './finding';
import { ServerForm } from './form';
import { bodyOf, nameFromUrl, termsOfPreset } from './terms';
import { SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** What the API answers to a new server, saved at once or waiting to be authorized. */
type Made = { client?: { id: string }; mcp_client_id?: string };

/** Adding a server: by its address, which is checked first, or as one that is well known. */
export const newServerPages = new Hono<App>()
  .get('/new', async (c) => {
    const preset = PRESETS.find(({ id }) => id === c.req.query('preset'));
    if (preset) return showForm(c, { form: termsOfPreset(preset), preset });
    return showBeginning(c);
  })
  .post('/new', async (c) => {
    const form = await readForm(c);
    const preset = PRESETS.find(({ id }) => id === form.get('preset'));
    if (form.get('step') === 'check') return check(c, form, preset);
    const type = form.get('auth_type') ?? DEFAULT_AUTH_TYPE;
    const made = await act<Made>(c, form, 'POST', '/mcp/client', bodyOf(form, type, true), SERVER_WORDS);
    if (!made.ok) return showForm(c, { form, preset, refused: made });
    return toServer(c, made, form.get('name') ?? '');
  })

  .post('/known', async (c) => {
    const form = await readForm(c);
    const preset = PRESETS.find(({ id }) => id === form.get('preset'));
    if (preset?.registration !== 'automatic') return sendOn(Destination.own(baseOf(c), `${AT}/new`), []);
    const terms = termsOfPreset(preset);
    const body = bodyOf(terms, preset.auth_type, true);
    const made = await act<Made>(c, form, 'POST', '/mcp/client', body, SERVER_WORDS);
    if (!made.ok) return showForm(c, { form: terms, preset, refused: made });
    return toServer(c, made, preset.name);
  });

/** To the page of a server just made, which says what comes next. */
function toServer(
  c: Context<App>,
  { body: { client, mcp_client_id }, asked }: { body: Made; asked?: Asked | undefined },
  name: string,
): Promise<Response> {
  const id = client?.id ?? mcp_client_id;
  const isPending = !client;
  return goTo(
    c,
    `${AT}/${id}`,
    isPending
      ? `${name} was added. Nobody sees it before you authorize it.`
      : savedWords('The server was saved', asked),
  );
}

/** Asks an address what it is. Nothing is saved. */
async function check(c: Context<App>, form: FormFields, preset: Preset | undefined): Promise<Response> {
  const address = form.get('connection_string')?.trim() ?? '';
  const url = /^[a-z]+:/i.test(address) ? address : `https://${address}`;
  const allowLoopback = allowsLoopback(c.env);
  const fault = URL.canParse(url) && address ? targetFault(url, allowLoopback) : 'not_a_url';
  if (fault) {
    const refused = {
      ok: false,
      status: 400,
      field: 'connection_string',
      message: `The address ${VALUE_WORDS[fault]()}.`,
    } as const;
    return form.has('auth_type')
      ? showForm(c, { form, preset, refused })
      : showBeginning(c, address, refused);
  }
  const { settings, issuer } = c.var;
  const canBeDescribed = issuer !== null && introductionOf(settings, issuer).documentUrl !== null;
  const finding = await checkAddress(url, { allowLoopback, canBeDescribed });
  log('admin.address_checked', { request_id: c.var.requestId, found: finding.kind });
  form.set('connection_string', url);
  if (!form.get('name')) form.set('name', nameFromUrl(url));
  const fitting = typesFor(finding.kind);
  const [proposed = DEFAULT_AUTH_TYPE] = fitting;
  if (!fitting.includes(form.get('auth_type') ?? '')) form.set('auth_type', proposed);
  return showForm(c, { form, preset, finding });
}

/** Where adding a server begins. */
async function showBeginning(c: Context<App>, address = '', refused?: Refused): Promise<Response> {
  const csrf = await csrfOf(c);
  const body = (
    <>
      <h1>Add a server</h1>
      <form class="card stack" method="post">
        <Csrf value={csrf} />
        <input type="hidden" name="step" value="check" />
        <Input
          name="connection_string"
          label="Address"
          mono
          required
          value={address}
          error={refused?.message}
          placeholder="https://mcp.example.com/mcp"
          hint="Where the server speaks MCP over HTTP. It is asked what it wants; nothing is saved yet."
        />
        <div class="actions">
          <button type="submit" class="button primary">
            Check
          </button>
          <a class="button" href={AT}>
            Cancel
          </a>
        </div>
      </form>
      <section class="stack" aria-labelledby="known">
        <h2 id="known">Well-known servers</h2>
        <Presets csrf={csrf} />
      </section>
    </>
  );
  return adminPage(c, { title: 'Add a server', at: AT, refusal: refused?.message, body });
}

/** The well-known servers: those that take the gateway as it introduces itself with one button. */
export function Presets({ csrf }: { csrf: string }) {
  const automatic = PRESETS.filter(({ registration }) => registration === 'automatic');
  const others = PRESETS.filter(({ registration }) => registration !== 'automatic');
  return (
    <ul class="presets">
      {automatic.map(({ id, name, connection_string }) => (
        <li class="tile">
          <b class="name">{name}</b>
          <small>{connection_string && new URL(connection_string).host}</small>
          <form method="post" action={`${AT}/known`}>
            <Csrf value={csrf} />
            <input type="hidden" name="preset" value={id} />
            <button type="submit" class="button small">
              Add<span class="unseen"> {name}</span>
            </button>
          </form>
        </li>
      ))}
      {others.map(({ id, name, connection_string }) => (
        <li class="tile">
          <b class="name">{name}</b>
          <small>{connection_string ? new URL(connection_string).host : 'a server of yours'}</small>
          <a class="button small" href={`${AT}/new?preset=${id}`}>
            Set up<span class="unseen"> {name}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

type Shown = { form: FormFields; preset?: Preset | undefined; finding?: Finding; refused?: Refused };

async function showForm(c: Context<App>, { form, preset, finding, refused }: Shown): Promise<Response> {
  const { settings, issuer } = c.var;
  const redirectUri = issuer && redirectUriOf(settings, issuer);
  const needsApp =
    preset?.registration === 'own_app' || (finding?.kind === 'oauth' && !finding.registersItself);
  const offered = preset ? typesFor('oauth') : finding && typesFor(finding.kind);
  const title = preset ? `Add ${preset.name}` : 'Add a server';
  const body = (
    <>
      <h1>{title}</h1>
      <ServerForm
        form={form}
        csrf={await csrfOf(c)}
        authType={null}
        {...(offered && { offered })}
        needsApp={needsApp}
        refused={refused}
        back={`${AT}/new`}
      >
        {preset && <input type="hidden" name="preset" value={preset.id} />}
        {finding && <FindingCard finding={finding} redirectUri={redirectUri} />}
        {preset?.registration === 'own_app' && <PresetCard preset={preset} redirectUri={redirectUri} />}
      </ServerForm>
    </>
  );
  return adminPage(c, { title, at: AT, refusal: refused?.message, body });
}
