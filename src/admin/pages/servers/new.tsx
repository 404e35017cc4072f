import { type Context, Hono } from 'hono';
import { DEFAULT_AUTH_TYPE } from '../../../accounts/auth/index';
import type { App } from '../../../config';
import { siteOf } from '../../../identity/browser-session';
import { Destination } from '../../../protocol/destination';
import { PRESETS, type Preset } from '../../../providers/presets';
import { redirectUriOf } from '../../../providers/registration';
import { Csrf } from '../../../ui/forms';
import { sendOn } from '../../../ui/layout';
import { Input } from '../../../ui/parts';
import type { Asked } from '../../api/servers/asked';
import { authTypesFor, type LookedUp, lookUp, typesFor } from '../../api/servers/check';
import { pastedWords } from '../../api/servers/check-words';
import { nameFrom, nameFromUrl } from '../../api/servers/suggested-name';
import { act, type FormFields, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { VALUE_WORDS } from '../words/values';
import { FindingCard, PresetCard } from './finding';
import { ServerForm } from './form';
import { PASTED_FIELD, putPasted, withPasted } from './pasted-headers';
import { bodyOf, termsOfPreset } from './terms';
import { SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** What the API answers to a new server, saved at once or waiting to be authorized. */
type Made = { client?: { id: string; connection_string: string }; mcp_client_id?: string };

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
    const made = await act<Made>(
      c,
      form,
      'POST',
      '/mcp/client',
      bodyOf(await withPasted(c, form), type, true),
      SERVER_WORDS,
    );
    if (!made.ok) return showForm(c, { form, preset, refused: made });
    return toServer(c, made, form);
  })

  .post('/known', async (c) => {
    const form = await readForm(c);
    const preset = PRESETS.find(({ id }) => id === form.get('preset'));
    if (preset?.registration !== 'automatic') return sendOn(Destination.own(siteOf(c), `${AT}/new`), []);
    const terms = termsOfPreset(preset);
    const body = bodyOf(terms, preset.auth_type, true);
    const made = await act<Made>(c, form, 'POST', '/mcp/client', body, SERVER_WORDS);
    if (!made.ok) return showForm(c, { form: terms, preset, refused: made });
    return toServer(c, made, terms);
  });

/** To the page of a server just made, which says what comes next. */
function toServer(
  c: Context<App>,
  { body: { client, mcp_client_id }, asked }: { body: Made; asked?: Asked | undefined },
  form: FormFields,
): Promise<Response> {
  const id = client?.id ?? mcp_client_id;
  const isPending = !client;
  const given = form.get('connection_string')?.trim();
  const moved =
    client && client.connection_string !== given
      ? ` at ${client.connection_string}, where it was found,`
      : '';
  return goTo(
    c,
    `${AT}/${id}`,
    isPending
      ? `${form.get('name')} was added. Nobody sees it before you authorize it.`
      : savedWords(`The server was saved${moved}`, asked),
  );
}

/** Reads what was entered, and asks the address in it what it is. Nothing is saved. */
async function check(c: Context<App>, form: FormFields, preset: Preset | undefined): Promise<Response> {
  const entered = form.get('connection_string')?.trim() ?? '';
  const look = await lookUp(c, entered);
  if (look.kind !== 'looked_up') {
    const message =
      look.kind === 'refused' ? `The address ${VALUE_WORDS[look.fault]()}.` : pastedWords(look.pasted);
    const refused = { ok: false, status: 400, field: 'connection_string', message } as const;
    // What is no address may hold secrets, so it is not shown again.
    const shown = look.kind === 'refused' && URL.canParse(entered) ? entered : '';
    form.set('connection_string', shown);
    return form.has('auth_type') ? showForm(c, { form, preset, refused }) : showBeginning(c, shown, refused);
  }
  const { pasted, url, connectionType } = look;
  form.set('connection_string', url);
  form.set('connection_type', connectionType);
  await putPasted(c, form, url, pasted);
  if (!form.get('name')) form.set('name', nameFrom(pasted.name) || nameFromUrl(url));
  const fitting = authTypesFor(look);
  const [proposed = DEFAULT_AUTH_TYPE] = fitting;
  if (!fitting.includes(form.get('auth_type') ?? '')) form.set('auth_type', proposed);
  return showForm(c, { form, preset, found: look });
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
          hint="Where the server speaks MCP over HTTP, or the JSON another app has for it. It is asked what it wants; nothing is saved yet."
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

type Shown = { form: FormFields; preset?: Preset | undefined; found?: LookedUp; refused?: Refused };

async function showForm(c: Context<App>, { form, preset, found, refused }: Shown): Promise<Response> {
  const { settings, issuer } = c.var;
  const redirectUri = issuer && redirectUriOf(settings, issuer);
  const needsApp =
    preset?.registration === 'own_app' || (found?.finding.kind === 'oauth' && !found.finding.registersItself);
  const offered = preset ? typesFor('oauth') : found && authTypesFor(found);
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
        {form.has('connection_type') && (
          <input type="hidden" name="connection_type" value={form.get('connection_type') ?? ''} />
        )}
        {found && <FindingCard {...found} redirectUri={redirectUri} />}
        {form.has(PASTED_FIELD) && (
          <input type="hidden" name={PASTED_FIELD} value={form.get(PASTED_FIELD) ?? ''} />
        )}
        {preset?.registration === 'own_app' && <PresetCard preset={preset} redirectUri={redirectUri} />}
      </ServerForm>
    </>
  );
  return adminPage(c, { title, at: AT, refusal: refused?.message, body });
}
