import { type Context, Hono } from 'hono';
import { type App, savedNamesQuestion } from '../../../config';
import { ask, known, type Question } from '../../../database';
import { readVariable } from '../../../effective-settings';
import { treeOf, valueIn } from '../../../protocol/dotted';
import { firstFault } from '../../../protocol/params';
import { redirectUriOf } from '../../../providers/registration';
import { type ServerChoice, serverChoicesQuestion } from '../../../servers/summaries';
import type { Setting } from '../../../setting';
import { SETTINGS } from '../../../settings';
import { countOf, numberOf } from '../../../ui/english';
import { Csrf, Dock } from '../../../ui/forms';
import { Copy, Head, Notice } from '../../../ui/parts';
import { act, type FormFields, gone, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { isStep, pickedFrom, pickedIn, unpicked } from '../picked';
import { seenOf, staleIn } from '../seen';
import type { Labels } from '../words/refusals';
import { confirmAddress, confirmed, confirmUnreachable } from './address';
import { SettingField, type ShownSetting, type Source, secretLack, sentValue } from './form';
import { Unread } from './unread';
import { AT, faultOfSetting, GROUPS, labelOf, type SettingGroup, shownValue, wordsOf } from './words';

const ISSUER = 'oauth2_server_config.issuer_url';

/** Every setting, a page a group: what it means, what it is, and what follows from changing it. */
export const settingPages = new Hono<App>()
  .get('/', (c) => showGroup(c, groupAt('gateway')))

  // What a gateway that does not know its own address yet is told first: the one this page was opened at.
  .post('/address', async (c) => {
    const { origin } = new URL(c.req.url);
    const body = { oauth2_server_config: { issuer_url: origin } };
    const saved = await act(c, await readForm(c), 'PUT', '/config', body, labelled);
    if (!saved.ok) return goTo(c, '/admin', saved.message, 'bad');
    return goTo(c, '/admin', `The gateway address is now ${origin}.`);
  })

  .post('/signing-key', async (c) => {
    const made = await act(c, await readForm(c), 'POST', '/oauth2/keys/rotate');
    const done =
      'A new signing key was made. It starts signing after ten minutes. Tokens signed before stay valid until they expire.';
    return made.ok ? goTo(c, KEYS, done) : goTo(c, KEYS, made.message, 'bad');
  })

  .post('/reseal', async (c) => {
    const sealed = await act<Resealed>(c, await readForm(c), 'POST', '/encryption/reseal');
    return sealed.ok ? goTo(c, KEYS, resealedWords(sealed.body)) : goTo(c, KEYS, sealed.message, 'bad');
  })

  .get('/:group', (c) => showGroup(c, groupAt(c.req.param('group'))))
  .post('/:group', async (c) => {
    const group = groupAt(c.req.param('group'));
    const form = await readForm(c);
    if (isStep(form) || form.has('reset')) return showGroup(c, group, form);
    const [names, servers] = await ask(c.env.DB, savedNamesQuestion(c.env.DB), choicesFor(c, group));
    const shown = await shownOf(c, group, names);
    const stale = await staleIn(form, valuesOf(shown));
    if (stale) return showGroup(c, group, form, new Map([['', stale.message]]));
    const changes = changesIn(form, shown, servers);
    const wrong = faultsIn(changes);
    for (const { setting } of shown) {
      const lack = secretLack(setting, form);
      if (lack) wrong.set(setting.name, lack);
    }
    const before = pickedFrom(c.var.settings.default_user_access);
    const message = group.names.includes(EVERYONE) && unpicked(pickedIn(form, servers, before));
    if (message) wrong.set(EVERYONE, message);
    if (wrong.size) return showGroup(c, group, form, wrong);
    const here = `${AT}/${group.id}`;
    if (!changes.size) return goTo(c, here, 'Nothing was changed.', 'info');
    const body = { ...treeOf(changes), ...confirmed(form) };
    const saved = await act(c, form, 'PUT', '/config', body, labelled);
    if (saved.ok) return goTo(c, here, `Saved: ${[...changes.keys()].map(labelOf).join(', ')}.`);
    if (saved.reason === 'unconfirmed_issuer') return confirmAddress(c, group, form, changes.get(ISSUER));
    if (saved.reason === 'issuer_unreachable') return confirmUnreachable(c, group, form, saved.message);
    return showGroup(c, group, form, new Map([[settingAt(saved.field)?.name ?? '', saved.message]]));
  });

const EVERYONE = 'default_user_access';
const KEYS = `${AT}/keys`;

type Resealed = { resealed: number; remaining: number; unreadable: number };

function resealedWords({ resealed, remaining, unreadable }: Resealed): string {
  const done = `${countOf(resealed, 'secret')} re-encrypted.`;
  const more = remaining ? ` ${numberOf(remaining)} left: press the button again.` : '';
  const lost = unreadable ? ` ${numberOf(unreadable)} can’t be decrypted. Enter them again.` : '';
  return resealed || remaining || unreadable ? done + more + lost : 'All secrets already use the newest key.';
}

/** The servers that a group of settings chooses from. */
function choicesFor(c: Context<App>, { names }: SettingGroup): Question<ServerChoice[]> {
  return names.includes(EVERYONE) ? serverChoicesQuestion(c.env.DB) : known([]);
}

/** @throws PageProblem when there is no such group. */
function groupAt(id: string): SettingGroup {
  const group = GROUPS.find((group) => group.id === id);
  if (!group) throw gone('There are no settings at this address.', { href: AT, label: 'Settings' });
  return group;
}

async function allShown(c: Context<App>, saved: ReadonlySet<string>): Promise<Map<string, ShownSetting>> {
  const inEffect = await read<Record<string, unknown>>(c, '/config'); // secrets as masks; asks the database nothing
  const shown = (setting: Setting): ShownSetting => ({
    setting,
    value: valueIn(inEffect, setting.name),
    source: sourceOf(c, setting, saved),
    isRefused: c.var.refusedSettings.has(setting.name),
    otherwise: readVariable(c.env, setting).data,
  });
  return new Map(SETTINGS.map((setting) => [setting.name, shown(setting)]));
}

async function shownOf(
  c: Context<App>,
  group: SettingGroup,
  saved: ReadonlySet<string>,
): Promise<ShownSetting[]> {
  const shown = await allShown(c, saved);
  return group.names.flatMap((name) => shown.get(name) ?? []);
}

/** What the form of a group is made of. */
function valuesOf(shown: readonly ShownSetting[]): unknown[] {
  return shown.map(({ value, source }) => [value, source]);
}

function sourceOf(c: Context<App>, { name, variable }: Setting, saved: ReadonlySet<string>): Source {
  if (saved.has(name)) return 'saved';
  const given = (c.env as unknown as Record<string, unknown>)[variable];
  return given === undefined || given === '' ? 'default' : 'variable';
}

/** What a form changes: what it says that is not so already. */
function changesIn(
  form: FormFields,
  shown: readonly ShownSetting[],
  servers: readonly ServerChoice[],
): Map<string, unknown> {
  const changes = new Map<string, unknown>();
  for (const one of shown) {
    const sent = sentValue(one, form, servers);
    if (sent !== undefined) changes.set(one.setting.name, sent);
  }
  return changes;
}

/** What is wrong with each change by itself, as the API will find: all of it at once. */
function faultsIn(changes: ReadonlyMap<string, unknown>): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const [name, value] of changes) {
    const setting = settingAt(name);
    if (!setting || value === null) continue;
    const result = setting.schema.safeParse(value, { reportInput: true });
    if (result.success) continue;
    const { member, fault } = firstFault(result.error);
    const item = Array.isArray(value) ? value[Number(member)] : value;
    wrong.set(name, faultOfSetting(setting, fault, item));
  }
  return wrong;
}

/** The setting of a name, or the one that a member is part of. */
function settingAt(member: string): Setting | undefined {
  return SETTINGS.find(({ name }) => member === name || member.startsWith(`${name}.`));
}

const labelled: Labels = (member) => {
  const setting = settingAt(member);
  return setting && `“${wordsOf(setting).label}”`;
};

/** @param wrong what was refused of the form shown again, by the name of its setting; '': of none */
async function showGroup(
  c: Context<App>,
  group: SettingGroup,
  sent?: FormFields,
  wrong: ReadonlyMap<string, string> = new Map(),
): Promise<Response> {
  const { DB } = c.env;
  const [saved, servers] = await ask(DB, savedNamesQuestion(DB), choicesFor(c, group));
  const shown = await shownOf(c, group, saved);
  const csrf = await csrfOf(c);
  const seen = await seenOf(valuesOf(shown), sent);
  const here = `${AT}/${group.id}`;
  const fields = shown.map((one) => (
    <SettingField
      {...one}
      servers={servers}
      sent={sent}
      error={wrong.get(one.setting.name)}
      isFirst={wrong.size === 1 && wrong.has(one.setting.name)}
    />
  ));
  const lag = settingAt('revocation_lag');
  const title = (
    <div class="stack tight">
      <h2>{group.title}</h2>
      <p class="muted">
        Changes apply everywhere within{' '}
        {(lag && c.var.settings.revocation_lag && shownValue(lag, c.var.settings.revocation_lag)) ||
          'a second'}
        .
      </p>
    </div>
  );
  const body = (
    <>
      <Head title="Settings" />
      {c.var.refusedSettings.size > 0 && (
        <Notice bad>
          <Unread names={c.var.refusedSettings} />
        </Notice>
      )}
      <div class="cols sub">
        <nav class="menu small" aria-label="Settings">
          {GROUPS.map(({ id, title }) => (
            <a href={`${AT}/${id}`} aria-current={id === group.id ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="stack wide">
          <form class="stack wide" method="post" action={here}>
            {/* What Enter means: the first button of a form. */}
            <button type="submit" hidden />
            <Csrf value={csrf} seen={seen} />
            <Refusals wrong={wrong} />
            {group.names.includes(EVERYONE) ? (
              <>
                {title}
                {fields}
              </>
            ) : (
              <section class="card stack wide">
                {title}
                {group.id === 'sign-in' && c.var.issuer && (
                  <div class="stack tight">
                    <p>Register this gateway with your provider as a web app that returns to:</p>
                    <Copy text={redirectUriOf(c.var.settings, c.var.issuer)} label="the return address" />
                  </div>
                )}
                {fields}
              </section>
            )}
            <Dock back={here} cancel="Discard" />
          </form>
          {group.id === 'keys' && <GatewayKeys csrf={csrf} />}
        </div>
      </div>
    </>
  );
  const status = wrong.size ? 400 : 200;
  return adminPage(c, { title: group.title, at: AT, status, body });
}

/** What was refused, where it stands at no field, or at several. */
function Refusals({ wrong }: { wrong: ReadonlyMap<string, string> }) {
  const named = [...wrong.keys()].filter(Boolean);
  if (named.length === 1) return null;
  if (wrong.size === 0) return null;
  return (
    <Notice bad>
      <b>Nothing was saved.</b>{' '}
      {named.length ? (
        <>
          {countOf(named.length, 'setting')} need a fix:{' '}
          {named.map((name, at) => (
            <>
              {at > 0 && ', '}
              <a href={`#${name}`}>{labelOf(name)}</a>
            </>
          ))}
          .
        </>
      ) : (
        wrong.get('')
      )}
    </Notice>
  );
}

function GatewayKeys({ csrf }: { csrf: string }) {
  return (
    <>
      <form class="card stack" method="post" action={`${AT}/signing-key`}>
        <div class="stack tight">
          <h2>Signing key</h2>
          <p class="muted">
            It signs the tokens of apps, and is replaced every 90 days. Replace it now if it may have leaked.
          </p>
        </div>
        <Csrf value={csrf} />
        <div class="row">
          <button type="submit" class="button" data-busy="Replacing…">
            Replace the signing key
          </button>
        </div>
      </form>
      <form class="card stack" method="post" action={`${AT}/reseal`}>
        <div class="stack tight">
          <h2>Stored secrets</h2>
          <p class="muted">
            After you put a new encryption key in front of the old one, re-encrypt what the old one encrypted.
          </p>
        </div>
        <Csrf value={csrf} />
        <div class="row">
          <button type="submit" class="button" data-busy="Re-encrypting…">
            Re-encrypt secrets
          </button>
        </div>
      </form>
    </>
  );
}
