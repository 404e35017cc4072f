import { type Context, Hono } from 'hono';
import { type App, savedNamesQuestion } from '../../../config';
import { ask, known } from '../../../database';
import { readVariable } from '../../../effective-settings';
import { treeOf, valueIn } from '../../../protocol/dotted';
import { redirectUriOf } from '../../../providers/registration';
import { serverChoicesQuestion } from '../../../servers/summaries';
import { SETTINGS, type Setting } from '../../../settings';
import { Csrf } from '../../../ui/forms';
import { Copy, Table } from '../../../ui/parts';
import { act, type FormFields, gone, type Refused, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { isStep, pickedIn, unpicked } from '../picked';
import type { Labels } from '../words/refusals';
import { confirmAddress, confirmed, confirmUnreachable } from './address';
import { SettingField, type ShownSetting, type Source, sentValue } from './form';
import { AT, GROUPS, labelOf, type SettingGroup, settingsOf, shownValue, wordsOf } from './words';

const ISSUER = 'oauth2_server_config.issuer_url';

/** Every setting: what it means, what it is and why, and what follows from changing it. */
export const settingPages = new Hono<App>()
  .get('/', async (c) => {
    const [saved] = await ask(c.env.DB, savedNamesQuestion(c.env.DB));
    const shown = await allShown(c, saved);
    const body = <Overview groups={GROUPS} shown={shown} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Settings', at: AT, body });
  })

  // What a gateway that does not know its own address yet is told first: the one this page was opened at.
  .post('/address', async (c) => {
    const { origin } = new URL(c.req.url);
    const body = { oauth2_server_config: { issuer_url: origin } };
    const saved = await act(c, await readForm(c), 'PUT', '/config', body, labelled);
    return goTo(c, '/admin', saved.ok ? `The address of this gateway is ${origin} now.` : saved.message);
  })

  .post('/signing-key', async (c) => {
    const made = await act(c, await readForm(c), 'POST', '/oauth2/keys/rotate');
    const done =
      'A new signing key was made. It signs in ten minutes; what older keys signed stays good until it expires.';
    return goTo(c, AT, made.ok ? done : made.message);
  })

  .post('/reseal', async (c) => {
    const sealed = await act<Resealed>(c, await readForm(c), 'POST', '/encryption/reseal');
    return goTo(c, AT, sealed.ok ? resealedWords(sealed.body) : sealed.message);
  })

  .get('/:group', (c) => showGroup(c, groupAt(c.req.param('group'))))
  .post('/:group', async (c) => {
    const group = groupAt(c.req.param('group'));
    const form = await readForm(c);
    if (isStep(form)) return showGroup(c, group, form);
    const message = group.names.includes('default_user_access') && unpicked(pickedIn(form));
    if (message)
      return showGroup(c, group, form, { ok: false, status: 400, message, field: 'default_user_access' });

    const [names] = await ask(c.env.DB, savedNamesQuestion(c.env.DB));
    const changes = changesIn(form, await shownOf(c, group, names));
    if (!changes.size) return goTo(c, AT, 'Nothing was changed.');
    const body = { ...treeOf(changes), ...confirmed(form) };
    const saved = await act(c, form, 'PUT', '/config', body, labelled);
    if (saved.ok) return goTo(c, AT, `Saved: ${[...changes.keys()].map(labelOf).join(', ')}.`);
    if (saved.reason === 'unconfirmed_issuer') return confirmAddress(c, group, form, changes.get(ISSUER));
    if (saved.reason === 'issuer_unreachable') return confirmUnreachable(c, group, form, saved.message);
    return showGroup(c, group, form, saved);
  });

type Resealed = { resealed: number; remaining: number; unreadable: number };

function resealedWords({ resealed, remaining, unreadable }: Resealed): string {
  const done = resealed === 1 ? '1 secret was sealed anew.' : `${resealed} secrets were sealed anew.`;
  const more = remaining ? ` ${remaining} more are waiting: press the button again.` : '';
  const lost = unreadable ? ` ${unreadable} open with no key you have, and must be entered again.` : '';
  return resealed || remaining || unreadable
    ? done + more + lost
    : 'Every secret is sealed with the newest key already.';
}

/** @throws PageProblem when there is no such group. */
function groupAt(id: string): SettingGroup {
  const group = GROUPS.find((group) => group.id === id);
  if (!group) throw gone('There are no such settings.', { href: AT, label: 'To all settings' });
  return group;
}

async function allShown(c: Context<App>, saved: ReadonlySet<string>): Promise<Map<string, ShownSetting>> {
  const inEffect = await read<Record<string, unknown>>(c, '/config'); // secrets as masks; asks the database nothing
  const shown = (setting: Setting): ShownSetting => ({
    setting,
    value: valueIn(inEffect, setting.name),
    source: sourceOf(c, setting, saved),
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

function sourceOf(c: Context<App>, { name, variable }: Setting, saved: ReadonlySet<string>): Source {
  if (saved.has(name)) return 'saved';
  const given = (c.env as unknown as Record<string, unknown>)[variable];
  return given === undefined || given === '' ? 'default' : 'variable';
}

/** What a form changes: what it says that is not so already. */
function changesIn(form: FormFields, shown: readonly ShownSetting[]): Map<string, unknown> {
  const changes = new Map<string, unknown>();
  for (const one of shown) {
    const sent = sentValue(one, form);
    if (sent !== undefined && JSON.stringify(sent) !== JSON.stringify(one.value))
      changes.set(one.setting.name, sent);
  }
  return changes;
}

/** What the page calls a setting, or the one that a member is part of. */
const labelled: Labels = (member) => {
  const setting = SETTINGS.find(({ name }) => member === name || member.startsWith(`${name}.`));
  return setting && `“${wordsOf(setting).label}”`;
};

const SOURCES: Readonly<Record<Source, string>> = {
  saved: 'saved here',
  variable: 'from the deployment',
  default: 'as shipped',
};

function Overview({
  groups,
  shown,
  csrf,
}: {
  groups: readonly SettingGroup[];
  shown: Map<string, ShownSetting>;
  csrf: string;
}) {
  return (
    <>
      <h1>Settings</h1>
      <p class="muted">
        What you save here goes before what the deployment says, and holds everywhere within seconds.
      </p>
      {groups.map((group) => (
        <section class="stack tight settings">
          <div class="row spread">
            <h2>{group.title}</h2>
            <a class="button small" href={`${AT}/${group.id}`}>
              Change<span class="unseen"> {group.title}</span>
            </a>
          </div>
          <GroupTable group={group} shown={shown} />
        </section>
      ))}
      <section class="stack tight apart">
        <h2>Keys of the gateway itself</h2>
        <p class="muted">
          It signs what apps show with a key it replaces every 90 days by itself. Replace it now if it may
          have leaked. After you put a new encryption key in front of the old one, seal anew what the old one
          sealed.
        </p>
        <div class="row">
          <form method="post" action={`${AT}/signing-key`}>
            <Csrf value={csrf} />
            <button type="submit" class="button">
              Replace the signing key
            </button>
          </form>
          <form method="post" action={`${AT}/reseal`}>
            <Csrf value={csrf} />
            <button type="submit" class="button">
              Seal secrets anew
            </button>
          </form>
        </div>
      </section>
    </>
  );
}

function GroupTable({ group, shown }: { group: SettingGroup; shown: Map<string, ShownSetting> }) {
  return (
    <Table label={group.title} columns={[{ name: 'Setting' }, { name: 'Value' }, { name: 'From' }]}>
      {settingsOf(group).map((setting) => {
        const one = shown.get(setting.name);
        const { label, means } = wordsOf(setting);
        return (
          one && (
            <tr>
              <td>
                <b>{label}</b>
                <br />
                <small>{means}.</small>
              </td>
              <td data-label="Value">
                <span>{shownValue(setting, one.value)}</span>
              </td>
              <td data-label="From">
                {one.source === 'default' ? (
                  <small>{SOURCES.default}</small>
                ) : (
                  <span>{SOURCES[one.source]}</span>
                )}
              </td>
            </tr>
          )
        );
      })}
    </Table>
  );
}

async function showGroup(
  c: Context<App>,
  group: SettingGroup,
  sent?: FormFields,
  refused?: Refused,
): Promise<Response> {
  const { DB } = c.env;
  const picks = group.names.includes('default_user_access');
  const choices = picks ? serverChoicesQuestion(DB) : known([]);
  const [saved, servers] = await ask(DB, savedNamesQuestion(DB), choices);
  const shown = await shownOf(c, group, saved);
  const isNamed = shown.some(({ setting }) => setting.name === refused?.field);
  const body = (
    <>
      <h1>{group.title}</h1>
      <form class="card stack wide" method="post" action={`${AT}/${group.id}`}>
        <Csrf value={await csrfOf(c)} />
        {group.id === 'sign-in' && c.var.issuer && (
          <div class="stack tight">
            <p>Register this gateway with your provider as a web app, which sends people back to:</p>
            <Copy
              text={redirectUriOf(c.var.settings, c.var.issuer)}
              label="the address to send people back to"
            />
          </div>
        )}
        {shown.map((one) => (
          <SettingField
            {...one}
            servers={servers}
            sent={sent}
            error={refused?.field === one.setting.name ? refused.message : undefined}
          />
        ))}
        <div class="actions">
          <button type="submit" class="button primary">
            Save
          </button>
          <a class="button" href={AT}>
            Cancel
          </a>
        </div>
      </form>
    </>
  );
  const refusal = refused && (isNamed ? 'Nothing was saved. See below what to mend.' : refused.message);
  return adminPage(c, { title: 'Change settings', at: AT, refusal, body });
}
