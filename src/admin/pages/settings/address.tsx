import type { Context } from 'hono';
import type { App } from '../../../config';
import { Confirm } from '../../../ui/forms';
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
  const apps =
    count === 1 ? 'One app with access has' : `All ${count.toLocaleString('en')} apps with access have`;
  const body = (
    <Confirm
      title="Change the address of this gateway?"
      action={`${AT}/${group.id}`}
      button="Change the address"
      back={`${AT}/${group.id}`}
      csrf={await csrfOf(c)}
    >
      <p>
        It is <b>{c.var.issuer}</b> now
        {next ? (
          <>
            {' '}
            and will be <b>{String(next)}</b>
          </>
        ) : (
          ' and will be what the deployment says'
        )}
        . Every token ends:{' '}
        {count ? `${apps} to connect again, at the new address` : 'apps connect at the new address'}. You sign
        in there, too. Within 24 hours you can change it back, and they go on.
      </p>
      <Kept form={form} confirm="on" />
    </Confirm>
  );
  return adminPage(c, { title: 'Change the address', at: AT, body });
}

/** The address was asked, and does not lead here. @param met what was met, in words */
export async function confirmUnreachable(
  c: Context<App>,
  group: SettingGroup,
  form: FormFields,
  met: string,
): Promise<Response> {
  const body = (
    <Confirm
      title="The new address does not lead here"
      action={`${AT}/${group.id}`}
      button="Change it anyway"
      back={`${AT}/${group.id}`}
      csrf={await csrfOf(c)}
    >
      <p class="notice">{met}</p>
      <p>
        Check its DNS record and its route to this Worker first; a new domain takes some minutes. Change it
        anyway if you know that apps and people reach this gateway there, such as behind a sign-in of its own.
        If it turns out wrong, open <span class="mono">/admin?here=1</span> at this address and change it
        back.
      </p>
      <Kept form={form} confirm="unreachable" />
    </Confirm>
  );
  return adminPage(c, { title: 'Change the address', at: AT, body, status: 400 });
}

/** What the form said, for the form that confirms it. */
function Kept({ form, confirm }: { form: FormFields; confirm: 'on' | 'unreachable' }) {
  const kept = [...form].filter(([name]) => !['csrf', 'once', 'confirm'].includes(name));
  return (
    <>
      {kept.map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <input type="hidden" name="confirm" value={confirm} />
    </>
  );
}
