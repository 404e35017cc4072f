import { type Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import type * as z from 'zod/mini';
import { credentialsQuestion } from '../../../accounts/credentials';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { keyCountsQuestion, keyPageQuestion } from '../../../governance/key-list';
import { keyOverviewQuestion } from '../../../governance/key-overview';
import { ownersQuestion } from '../../../governance/owners';
import {
  findVirtualKeyByValue,
  keySubject,
  maskOfKey,
  newValue,
  type VirtualKey,
} from '../../../governance/virtual-keys';
import { standingGrantsQuestion } from '../../../grants/list';
import { serverChoicesQuestion } from '../../../servers/summaries';
import { endpointOf } from '../../../ui/connect-lines';
import { cut } from '../../../ui/name';
import { When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { ShownKey } from '../../api/answers/virtual-key';
import { type Acted, act, type FormFields, gone, noteAct, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { goToSecret, secretsMade } from '../once';
import { isStep } from '../picked';
import { seenOf, staleIn } from '../seen';
import { KEY_WORDS, KeyForm, termsIn } from './form';
import { KeyList, keysAskedFor } from './list';
import { ownerNamed, ownershipOf } from './owner-field';
import { DeleteKey, KeyAside, KeyHead, NewKeyHead, NewValue, RotateKey, ValueGone } from './parts';

const AT = '/admin/keys';

type Made = { virtual_key: z.infer<typeof ShownKey> };

/** Access keys: what apps show to get in. A value is shown once, by the answer that makes it. */
export const keyPages = new Hono<App>()
  .get('/', async (c) => {
    const { DB: db } = c.env;
    const asked = keysAskedFor(c);
    const now = Math.floor(Date.now() / 1000);
    const [list, counts] = await ask(
      db,
      keyPageQuestion(db, asked, asked, now),
      keyCountsQuestion(db, asked.search, now),
    );
    return adminPage(c, { title: 'Access keys', at: AT, body: <KeyList {...{ ...list, counts, asked }} /> });
  })

  .get('/new', (c) => {
    const made = c.req.query('made');
    return made ? showValue(c, made, 'Key created') : showNew(c);
  })
  .post('/new', async (c) => {
    const form = await readForm(c);
    if (isStep(form)) return showNew(c, form);
    const made = await save(c, form, null);
    const before = !made.ok && /^(name|value)$/.test(made.field) && (await keyOfForm(c));
    if (before) return showOnce(c, `${AT}/new?made=${before.id}`);
    if (!made.ok) return showNew(c, form, made);
    const { id, name } = made.body.virtual_key;
    if (!form.get('value')) return goToSecret(c, `${AT}/new?made=${id}`);
    return goTo(c, `${AT}/${id}`, `The key ${cut(name)} was imported.`);
  })

  .get('/:id', (c) => showKey(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showKey(c, id, form);
    const changed = await save(c, form, id);
    if (!changed.ok) return showKey(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, `The key ${cut(changed.body.virtual_key.name)} was changed.`);
  })

  .get('/:id/rotate', async (c) => {
    if (c.req.query('made')) return showValue(c, c.req.param('id'), 'Key rotated');
    const { overview } = await about(c, c.req.param('id'));
    const cooldown = c.var.settings.vk_rotation_cooldown;
    const body = <RotateKey overview={overview} cooldown={cooldown} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: `${cut(overview.key.name)} · Rotate`, at: AT, isForm: true, body });
  })
  .post('/:id/rotate', async (c) => {
    const form = await readForm(c);
    const { key } = (await about(c, c.req.param('id'))).overview;
    if (form.get('value') !== key.valueMask) {
      if ((await keyOfForm(c))?.id === key.id) return showOnce(c, `${AT}/${key.id}/rotate?made=${key.id}`);
      const notice = `The key ${cut(key.name)} was rotated since you opened that page. Nothing was changed now.`;
      return goTo(c, `${AT}/${key.id}`, notice, 'bad');
    }
    const path = `/governance/virtual-keys/${key.id}/rotate`;
    const rotated = await act<Made>(c, form, 'POST', path, { reason: form.get('reason') });
    if (!rotated.ok) return goTo(c, `${AT}/${key.id}`, rotated.message, 'bad');
    return goToSecret(c, `${AT}/${key.id}/rotate?made=${key.id}`);
  })

  .get('/:id/delete', async (c) => {
    const { overview, apps, accounts } = await about(c, c.req.param('id'));
    const body = <DeleteKey {...{ overview, apps, accounts }} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: `${cut(overview.key.name)} · Delete`, at: AT, isForm: true, body });
  })
  .post('/:id/delete', async (c) => {
    const form = await readForm(c);
    const { key } = (await about(c, c.req.param('id'))).overview;
    const deleted = await act(c, form, 'DELETE', `/governance/virtual-keys/${key.id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${key.id}`, deleted.message, 'bad');
    return goTo(c, AT, `The key ${cut(key.name)} was deleted. Apps that used it have lost access.`);
  });

/** The key that this form gave its value before, when the answer was lost; null: none. */
async function keyOfForm(c: Context<App>): Promise<VirtualKey | null> {
  const { formSecret } = c.var;
  return formSecret ? findVirtualKeyByValue(c.env.DB, newValue(formSecret)) : null;
}

/** The way to the value that this form made before: as the lost answer would have shown it. */
function showOnce(c: Context<App>, path: string): Response {
  noteAct(c, true);
  return goToSecret(c, path);
}

/** What is said of the key `id` on its pages, with everything its form needs. @throws PageProblem when there is none. */
async function about(c: Context<App>, id: string) {
  const { DB: db } = c.env;
  const now = Math.floor(Date.now() / 1000);
  const [overview, apps, servers, owners, accounts] = await ask(
    db,
    keyOverviewQuestion(db, id, now),
    standingGrantsQuestion(db, keySubject(id), { now, issuer: c.var.issuer }),
    serverChoicesQuestion(db),
    ownersQuestion(db),
    credentialsQuestion(db, keySubject(id)),
  );
  if (!overview) throw gone('This key was deleted, or never existed.', { href: AT, label: 'Access keys' });
  const ownership = ownershipOf(overview.key.ownerUserId, overview.owner, owners);
  return { overview, apps, servers, ownership, accounts: accounts.length };
}

/** Makes a key as the form says, or changes the one with this id. */
async function save(c: Context<App>, form: FormFields, id: string | null): Promise<Acted<Made>> {
  const before = id === null ? null : await about(c, id);
  const known = before?.overview.key ?? null;
  const servers = before?.servers ?? (await ask(c.env.DB, serverChoicesQuestion(c.env.DB)))[0];
  const stale = known && (await staleIn(form, termsSeen(known)));
  if (stale) return stale;
  const stated = termsIn(form, known, servers);
  if (!stated.ok) return stated;
  const owner = await ownerNamed(c.env.DB, form.get('owner'), before?.ownership.current ?? null);
  if (!owner.ok) return owner;
  const body = { ...stated.terms, owner_user_id: owner.id };
  return known
    ? await act<Made>(c, form, 'PUT', `/governance/virtual-keys/${known.id}`, body, KEY_WORDS)
    : await act<Made>(c, form, 'POST', '/governance/virtual-keys', body, KEY_WORDS);
}

/** What the form of a key is made of: all but how it is used. */
function termsSeen({ lastUsedAt: _, useNotedSince: __, updatedAt: ___, ...terms }: VirtualKey) {
  return terms;
}

async function showNew(c: Context<App>, sent?: FormFields, refused?: Refused): Promise<Response> {
  const { DB: db } = c.env;
  const [servers, owners] = await ask(db, serverChoicesQuestion(db), ownersQuestion(db));
  const ownership = ownershipOf(null, null, owners);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <NewKeyHead />
      <KeyForm {...{ known: null, servers, toolsets: [], ownership, csrf, sent, refused }} />
    </>
  );
  return adminPage(c, { title: 'Create a key', at: AT, isForm: true, body, ...saidOf(refused) });
}

async function showKey(c: Context<App>, id: string, sent?: FormFields, refused?: Refused): Promise<Response> {
  const { overview, apps, servers, ownership } = await about(c, id);
  const { key, toolsets } = overview;
  const csrf = await csrfOf(c);
  const seen = await seenOf(termsSeen(key), sent);
  const body = (
    <>
      <KeyHead overview={overview} />
      <div class="cols">
        <KeyForm {...{ known: key, servers, toolsets, ownership, csrf, seen, sent, refused }} />
        <KeyAside overview={overview} apps={apps} />
      </div>
    </>
  );
  return adminPage(c, { title: cut(key.name), at: AT, body, ...saidOf(refused) });
}

/** A refusal is said beside its field; where it is about none, above the form. */
function saidOf(refused: Refused | undefined): { refusal?: string; status?: number } {
  if (!refused) return {};
  return KEY_WORDS(refused.field) ? { status: 400 } : { refusal: refused.message };
}

/** The key `id` that this browser has just made or rotated; when that was too long ago, how to get another. */
async function showValue(c: Context<App>, id: string, title: string): Promise<Response> {
  const { settings, issuer } = c.var;
  const { overview } = await about(c, id);
  const { key, previousUntil } = overview;
  const values = (await secretsMade(c)).map((secret) => newValue(secret));
  const value = values.find((one) => maskOfKey(one) === key.valueMask);
  const show = (body: Child) => adminPage(c, { title, at: AT, isForm: true, body });
  if (!value) return show(<ValueGone of={key} />);
  const to = issuer ? endpointOf(issuer, settings.display_name, null) : null;
  return show(
    <NewValue {...{ title, overview, value, mode: settings.mcp_server_auth_mode, to }}>
      {c.req.path.endsWith('/rotate') && (
        <p class="muted">
          The old key {previousUntil === null ? 'no longer works' : 'stops working '}
          {previousUntil !== null && <When at={rfc3339(previousUntil)} />}.
        </p>
      )}
    </NewValue>,
  );
}
