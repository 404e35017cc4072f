import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { App } from '../../../config';
import { Address } from '../../../ui/address';
import { countOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { Notice } from '../../../ui/parts';
import { type FormFields, read } from '../api';
import { adminPage, csrfOf } from '../frame';
import { AT, type SettingGroup } from './words';

/** What a page of {@link confirmAddress} or {@link confirmUnreachable} says yes to. */
export function confirmed(form: FormFields): { confirm?: true | 'unreachable' } {
  const sent = form.get('confirm');
  if (sent === 'unreachable') return { confirm: sent };
  return sent === 'on' ? { confirm: true } : {};
}

/** Asks before the address changes, which ends every token. */
export async function confirmAddress(
  c: Context<App>,
  group: SettingGroup,
  form: FormFields,
  next: unknown,
): Promise<Response> {
  const { total_count: count } = await read<{ total_count: number }>(
    c,
    '/oauth2/sessions?status=active&limit=1',
  );
  return confirmPage(c, group, form, {
    title: 'Change the gateway address?',
    button: 'Change the address',
    confirm: 'on',
    status: 200,
    body: (
      <>
        <p>
          It changes from{' '}
          <b>
            <Address of={c.var.issuer ?? ''} />
          </b>{' '}
          to <b>{next ? <Address of={String(next)} /> : 'what the deployment says'}</b>. Within seconds:
        </p>
        <ul>
          <li>
            {count === 1 ? '1 app must' : `${countOf(count, 'app')} must`} reconnect at the new address.
          </li>
          <li>You and everyone else sign in again there.</li>
        </ul>
        <p class="muted">If you change it back within 24 hours, apps continue without reconnecting.</p>
      </>
    ),
  });
}

/** The address was asked, and does not lead here. @param met what was met, in words */
export function confirmUnreachable(
  c: Context<App>,
  group: SettingGroup,
  form: FormFields,
  met: string,
): Promise<Response> {
  return confirmPage(c, group, form, {
    title: 'The new address doesn’t lead here',
    button: 'Change it anyway',
    confirm: 'unreachable',
    status: 400,
    body: (
      <>
        <Notice bad>{met}</Notice>
        <p>
          Check its DNS record and its route to this Worker first. A new domain takes some minutes. Change it
          anyway only if you know that apps and people reach this gateway there, for example behind another
          sign-in. If it turns out wrong, open <span class="mono">/admin?here=1</span> at this address and
          change it back.
        </p>
      </>
    ),
  });
}

type Asked = {
  title: string;
  button: string;
  confirm: 'on' | 'unreachable';
  status: number;
  body: Child;
};

/** Asks for a yes, with what the form said. */
async function confirmPage(
  c: Context<App>,
  { id, title: of }: SettingGroup,
  form: FormFields,
  { title, button, confirm, status, body }: Asked,
): Promise<Response> {
  const here = `${AT}/${id}`;
  const kept = [...form].filter(([name]) => !['csrf', 'once', 'confirm'].includes(name));
  const page = (
    <Confirm
      title={title}
      crumbs={[
        { href: AT, text: 'Settings' },
        { href: here, text: of },
      ]}
      action={here}
      button={button}
      busy="Changing…"
      back={here}
      csrf={await csrfOf(c)}
    >
      {body}
      {kept.map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <input type="hidden" name="confirm" value={confirm} />
    </Confirm>
  );
  return adminPage(c, { title: 'Change the address', at: AT, isForm: true, body: page, status });
}
