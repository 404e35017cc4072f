import { type Context, Hono } from 'hono';
import { DEFAULT_AUTH_TYPE } from '../../../accounts/auth/index';
import type { App } from '../../../config';
import { siteOf } from '../../../identity/browser-session';
import { Destination } from '../../../protocol/destination';
import { PRESETS, type Preset } from '../../../providers/presets';
import { redirectUriOf } from '../../../providers/registration';
import { Avatar } from '../../../ui/avatar';
import { Csrf } from '../../../ui/forms';
import { isGlyph } from '../../../ui/icons';
import { sendOn } from '../../../ui/layout';
import { Cut, cut } from '../../../ui/name';
import { described, Field, Head } from '../../../ui/parts';
import type { Asked } from '../../api/servers/asked';
import { authTypesFor, type LookedUp, lookUp, proposedName, typesFor } from '../../api/servers/check';
import { findingWords, pastedWords } from '../../api/servers/check-words';
import { readPasted } from '../../api/servers/pasted';
import { act, type FormFields, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { VALUE_WORDS } from '../words/values';
import { FindingBadge, FindingCard, PresetCard } from './finding';
import { bannerOf, NewServerForm } from './form';
import { FINDING_FIELD, findingIn, keepFinding, withPasted } from './kept-finding';
import { bodyOf, secretLack, termsOfPreset, withStoredSecrets } from './terms';
import { SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** What the API answers to a new server, saved at once or waiting for a sign-in. */
type Made = { client?: { id: string; connection_string: string }; mcp_client_id?: string };

/** Adding a server: from anything that describes it, which is checked first, or as one that is known. */
export const newServerPages = new Hono<App>()
  .get('/new', async (c) => {
    const preset = PRESETS.find(({ id }) => id === c.req.query('preset'));
    if (preset) return showForm(c, { form: termsOfPreset(preset), preset });
    return showBeginning(c);
  })
  .post('/new', async (c) => {
    const form = await readForm(c);
    if (form.get('step') === 'check') return check(c, form);
    const preset = PRESETS.find(({ id }) => id === form.get('preset'));
    const found = await findingIn(c, form);
    const type = form.get('auth_type') ?? DEFAULT_AUTH_TYPE;
    const body = bodyOf(withPasted(form, found), type, true);
    const lack = secretLack(form, type);
    const made = lack ?? (await act<Made>(c, form, 'POST', '/mcp/client', body, SERVER_WORDS));
    if (!made.ok) return showForm(c, { form: withStoredSecrets(form), preset, found, refused: made });
    return toServer(c, made, form);
  })

  .get('/known', (c) => sendOn(Destination.own(siteOf(c), `${AT}/new`), []))
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
  const at = `${AT}/${client?.id ?? mcp_client_id}?added`;
  const added = `${cut(form.get('name') ?? '')} was added`;
  if (!client) return goTo(c, at, `${added}. No one can use it until you sign in.`);
  const given = form.get('connection_string')?.trim();
  const place = client.connection_string === given ? '' : `, at ${client.connection_string}`;
  const yet = form.get('open') === 'on' ? '' : ' No one can use it yet.';
  return goTo(c, at, savedWords(added + place, asked) + yet);
}

/** Words of what was pasted that hold no secret: an address, or a command with nothing but the name of a package. */
const SHOWN_AGAIN = /^[\w.-]+( -\w+)*( [@\w./:-]+)?$/;

const NOT_SHOWN = 'We don’t show it again, because it can hold a key.';

const OWN_ADDRESS = 'This is the address of this gateway itself. Enter the address of another server.';

/** Reads what was pasted, and asks the address in it what it is. Nothing is saved. */
async function check(c: Context<App>, form: FormFields): Promise<Response> {
  const entered = form.get('connection_string')?.trim() ?? '';
  const pasted = readPasted(entered);
  if (pasted.kind === 'address' && URL.parse(pasted.address)?.origin === c.var.issuer)
    return showBeginning(c, pasted.address, OWN_ADDRESS);
  const look = await lookUp(c, entered);
  if (look.kind !== 'looked_up') {
    const error =
      look.kind === 'refused' ? `The address ${VALUE_WORDS[look.fault]()}.` : pastedWords(look.pasted);
    const isShown = URL.canParse(entered) || SHOWN_AGAIN.test(entered);
    const isHidden =
      !isShown && look.kind === 'no_server' && look.pasted.kind === 'unreadable' && entered !== '';
    return showBeginning(c, isShown ? entered : '', isHidden ? `${error} ${NOT_SHOWN}` : error);
  }
  if (look.finding.kind === 'website' || look.finding.kind === 'elsewhere')
    return showBeginning(c, look.address, findingWords(look));
  form.set('connection_string', look.url);
  form.set('connection_type', look.connectionType);
  form.set('name', proposedName(look));
  form.set('auth_type', authTypesFor(look)[0] ?? DEFAULT_AUTH_TYPE);
  await keepFinding(c, form, look);
  return showForm(c, { form, found: look });
}

const CRUMB = { href: AT, text: 'Servers' };

/** Where adding a server begins. */
async function showBeginning(c: Context<App>, pasted = '', error?: string): Promise<Response> {
  const csrf = await csrfOf(c);
  const name = 'connection_string';
  const hint = (
    <>
      A web address, a <code>mcpServers</code> block from a config file, or a <code>claude mcp add</code>{' '}
      command. We check it first and save nothing yet.
    </>
  );
  const body = (
    <>
      <Head crumbs={[CRUMB]} title="Add a server" />
      <form class="card stack" method="post">
        <Csrf value={csrf} />
        <input type="hidden" name="step" value="check" />
        <Field name={name} label="Paste anything that describes it" hint={hint} error={error}>
          <textarea
            class="input mono"
            rows={3}
            required
            spellcheck={false}
            autocapitalize="off"
            placeholder="https://mcp.example.com/mcp"
            {...described(name, { hint, error })}
          >
            {pasted}
          </textarea>
        </Field>
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Checking…">
            Check
          </button>
          <a class="button" href={AT}>
            Cancel
          </a>
        </div>
      </form>
      <section class="stack" aria-labelledby="known">
        <h2 id="known">Or start from a known server</h2>
        <Presets csrf={csrf} />
      </section>
    </>
  );
  return adminPage(c, { title: 'Add a server', at: AT, isForm: true, body, ...(error && { status: 400 }) });
}

/** The known servers: those at which the gateway registers itself are added with one button. */
export function Presets({ csrf }: { csrf: string }) {
  return (
    <ul class="list">
      {PRESETS.map(({ id, name, brings, registration }) => (
        <li>
          <Avatar name={name} glyph={isGlyph(id) ? id : 'server'} />
          <span class="grow">
            <b>{name}</b> <small>{brings}</small>
          </span>
          {registration === 'automatic' ? (
            <form method="post" action={`${AT}/known`}>
              <Csrf value={csrf} />
              <input type="hidden" name="preset" value={id} />
              <button type="submit" class="button small primary" data-busy="Adding…">
                Add<span class="unseen"> {name}</span>
              </button>
            </form>
          ) : (
            <>
              <small>You register an app first</small>
              <a class="button small" href={`${AT}/new?preset=${id}`}>
                Set up<span class="unseen"> {name}</span>
              </a>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

type Shown = {
  form: FormFields;
  preset?: Preset | undefined;
  found?: LookedUp | undefined;
  refused?: Refused;
};

async function showForm(c: Context<App>, { form, preset, found, refused }: Shown): Promise<Response> {
  const { settings, issuer } = c.var;
  const redirectUri = issuer && redirectUriOf(settings, issuer);
  const needsApp =
    preset?.registration === 'own_app' || (found?.finding.kind === 'oauth' && !found.finding.registersItself);
  const name = preset?.name ?? (found && form.get('name'));
  const glyph = (preset?.id ?? name ?? '').toLowerCase();
  const hidden = ['connection_type', FINDING_FIELD, ...(preset ? ['preset'] : [])];
  if (preset) form.set('preset', preset.id);
  const body = (
    <>
      <Head
        crumbs={[CRUMB, { href: `${AT}/new`, text: 'Add a server' }]}
        title={name ? <Cut of={name} /> : 'Add a server'}
        avatar={name && <Avatar name={name} glyph={isGlyph(glyph) ? glyph : 'server'} isLarge />}
        badge={found && <FindingBadge {...found} />}
      />
      <NewServerForm
        form={form}
        csrf={await csrfOf(c)}
        settings={settings}
        offered={preset ? typesFor('oauth') : found ? authTypesFor(found) : []}
        needsApp={needsApp}
        isFound={found !== undefined}
        example={found?.finding.kind === 'open' ? (found.finding.first[0]?.name ?? '') : ''}
        refused={refused}
        back={`${AT}/new`}
      >
        {hidden.map(
          (name) => form.has(name) && <input type="hidden" name={name} value={form.get(name) ?? ''} />,
        )}
        {found && <FindingCard {...found} redirectUri={redirectUri} />}
        {preset?.registration === 'own_app' && <PresetCard preset={preset} redirectUri={redirectUri} />}
      </NewServerForm>
    </>
  );
  return adminPage(c, {
    title: 'Add a server',
    at: AT,
    isForm: true,
    refusal: bannerOf(refused, found !== undefined),
    body,
    ...(refused && { status: 400 }),
  });
}
