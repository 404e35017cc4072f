import { type Context, Hono } from 'hono';
import { openServersQuestion } from '../../../accounts/open-servers';
import { type App, gatewayOf } from '../../../config';
import { EVERYTHING } from '../../../consent/choice';
import { ToolList } from '../../../consent/chooser';
import { changeIn, choiceOfGrant, type GrantChoice, usableFor } from '../../../consent/grant-choice';
import { Added, FieldsAgain, GrantFields } from '../../../consent/grant-form';
import { type UsableServer, withDigests } from '../../../consent/services';
import { isNothing } from '../../../consent/ticks';
import { ask } from '../../../database';
import { type GrantChange, type Widening, wideningOf } from '../../../grants/change';
import { grantQuestion } from '../../../grants/list';
import type { Grant } from '../../../grants/store';
import { endOf } from '../../../grants/today';
import { modeOf } from '../../../identity';
import { isSubject } from '../../../protocol/subject';
import { namesOfServers } from '../../../servers/summaries';
import { Csrf, Dock } from '../../../ui/forms';
import { fragment } from '../../../ui/layout';
import { cut, Name } from '../../../ui/name';
import { Head, Input } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { accessIn } from '../../api/grants';
import { act, type FormFields, gone, noteAct, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { labelsIn } from '../words/refusals';
import { CRUMBS } from './detail';

const AT = '/admin/access';
const LABELS = labelsIn({ given_name: 'Name', expires_at: 'Access ends', access: 'What it can use' });

/** What an app may use and is called, changed by an administrator. What gives it more is shown first (CONTRACT §8). */
export const changePages = new Hono<App>()
  .get('/:id/change', async (c) => {
    const { grant, usable } = await standing(c);
    return showForm(c, { grant, usable, choice: choiceOfGrant(grant, usable), name: grant.givenName ?? '' });
  })

  .get('/:id/tools', async (c) => {
    const { grant, usable } = await standing(c);
    const server = usable.find(({ name }) => name === c.req.query('server'));
    if (!server) throw NOT_HERE;
    const action = `${pathOf(grant)}#s-${server.id}`;
    return fragment(
      gatewayOf(c),
      <ToolList server={server} unticked={EVERYTHING.unticked} action={action} />,
    );
  })

  .post('/:id/change', async (c) => {
    const form = await readForm(c);
    const { grant, usable } = await standing(c);
    const now = Math.floor(Date.now() / 1000);
    const { change, choice } = await changeIn(form, grant, usable, now);
    const name = form.get('given_name') ?? '';
    const again = (refusal?: string) => {
      noteAct(c, false);
      return showForm(c, { grant, usable, choice, name, refusal });
    };
    if (!form.has('save')) return again();
    if (change.servers && isNothing(change.servers)) {
      return again('Select at least one server or tool. To remove all access, revoke it.');
    }
    const added = wideningOf(grant, change);
    if (added && !modeOf(grant.subject)?.typed) {
      return again(
        'This gives it more than was allowed. Only the person it acts for can do that, under Your apps.',
      );
    }
    if (added && form.get('told') !== String(grant.termsVersion)) {
      noteAct(c, false);
      return showMore(c, { grant, usable, added, form });
    }
    const body = { ...(await asked(c, grant, change)), given_name: name.trim() || null };
    const changed = await act(c, form, 'PUT', `/oauth2/sessions/${grant.grantId}`, body, LABELS);
    if (changed.ok) return goTo(c, `${AT}/${grant.grantId}`, 'Saved. Changes apply within seconds.');
    return again(changed.message);
  });

const pathOf = ({ grantId }: Grant) => `${AT}/${grantId}/change`;

const NOT_HERE = gone('This access has ended, or was never given.', { href: AT, label: 'Apps' });

/** The grant of the address, and what it may be given; in one round trip when the address says `for` whom it is. @throws PageProblem 404 when it does not stand */
async function standing(c: Context<App>): Promise<{ grant: Grant; usable: UsableServer[] }> {
  const { DB } = c.env;
  const hint = c.req.query('for') ?? '';
  const subjects = isSubject(hint) ? [hint] : [];
  const [grant, openTo] = await ask(
    DB,
    grantQuestion(DB, c.req.param('id') ?? ''),
    openServersQuestion(DB, c.var.settings, subjects),
  );
  const today = { now: Math.floor(Date.now() / 1000), issuer: c.var.issuer };
  if (!grant || endOf(grant, today)) throw NOT_HERE;
  if (grant.subject !== subjects[0]) return { grant, usable: await usableFor(c, grant) };
  const { subject, resource, scope, askedScope } = grant;
  return {
    grant,
    usable: await withDigests(await openTo(subject, { resource, scope: askedScope ?? scope })),
  };
}

/** A change as the API takes it. */
async function asked(c: Context<App>, grant: Grant, { servers, readOnly, expiresAt }: GrantChange) {
  const names = await namesOfServers(c.env.DB);
  return {
    access: servers ? accessIn(servers, names) : 'all',
    read_only: readOnly,
    ...(expiresAt !== grant.expiresAt && { expires_at: rfc3339(expiresAt ?? null) }),
  };
}

type FormProps = {
  grant: Grant;
  usable: readonly UsableServer[];
  choice: GrantChoice;
  name: string;
  refusal?: string | undefined;
};

async function showForm(
  c: Context<App>,
  { grant, usable, choice, name, refusal }: FormProps,
): Promise<Response> {
  const at = pathOf(grant);
  const body = (
    <>
      <Head crumbs={crumbsOf(grant)} title="Edit access" />
      <form class="stack wide" method="post" action={at} autocomplete="off">
        <Csrf value={await csrfOf(c)} />
        <button type="submit" class="unseen" name="again" value="form" tabindex={-1}>
          Update
        </button>
        <section class="card stack">
          <h2>What it can use</h2>
          <GrantFields
            grant={grant}
            usable={usable}
            choice={choice}
            action={at}
            toolsAt={`${AT}/${grant.grantId}/tools`}
            everything="Everything"
            now={Math.floor(Date.now() / 1000)}
          />
          <Input
            name="given_name"
            label="Name"
            value={name}
            placeholder={cut(grant.clientName)}
            maxlength={60}
            autocomplete="off"
            hint="Administrators and the person it acts for see it."
          />
        </section>
        <Dock named={{ name: 'save', value: 'changes' }} back={`${AT}/${grant.grantId}`}>
          <small>Takes effect within seconds. The app doesn’t have to sign in again.</small>
        </Dock>
      </form>
    </>
  );
  return adminPage(c, { title: `${calledOf(grant)} · Edit`, at: AT, isForm: true, refusal, body });
}

const calledOf = ({ givenName, clientName }: Grant) => cut(givenName ?? clientName);

const crumbsOf = (grant: Grant) => [...CRUMBS, { href: `${AT}/${grant.grantId}`, text: calledOf(grant) }];

type MoreProps = { grant: Grant; usable: readonly UsableServer[]; added: Widening; form: FormFields };

async function showMore(c: Context<App>, { grant, usable, added, form }: MoreProps): Promise<Response> {
  const body = (
    <>
      <Head
        crumbs={crumbsOf(grant)}
        title={
          <>
            Give <Name of={grant.givenName ?? grant.clientName} /> more access?
          </>
        }
      />
      <form class="card stack" method="post" action={pathOf(grant)}>
        <Added grant={grant} added={added} usable={usable} />
        <Csrf value={await csrfOf(c)} />
        <FieldsAgain form={form} but={['told']} />
        <input type="hidden" name="told" value={grant.termsVersion} />
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Saving…">
            Give more access
          </button>
          <a class="button" href={`${AT}/${grant.grantId}`}>
            Keep it as it is
          </a>
        </div>
      </form>
    </>
  );
  return adminPage(c, { title: `${calledOf(grant)} · Give more access`, at: AT, isForm: true, body });
}
