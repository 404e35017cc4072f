import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import { by } from '../audit';
import type { App } from '../config';
import { changeIn, type GrantChoice } from '../consent/grant-choice';
import { Added, FieldsAgain } from '../consent/grant-form';
import type { UsableServer } from '../consent/services';
import { isNothing } from '../consent/ticks';
import { changeGrant, type Widening, wideningOf } from '../grants/change';
import type { Grant } from '../grants/store';
import type { Today } from '../grants/today';
import { modeOf } from '../identity';
import { namesOfServers } from '../servers/summaries';
import { Csrf } from '../ui/forms';
import { cut, Name } from '../ui/name';
import { Head, Input, Notice } from '../ui/parts';
import { nameOf } from './app-words';
import { isProvedNow, type ProofNow } from './proof-now';

/** What became of a form: it was saved, has to be filled in again, or asks for more than there is, which wants a proof. */
export type ChangeMade =
  | { is: 'saved'; grant: Grant }
  | { is: 'again'; choice: GrantChoice; problem: string | undefined }
  | { is: 'more'; grant: Grant; added: Widening; isRefused: boolean }
  | { is: 'gone' };

/**
 * Does what a form of an app asks. It narrows at once; it gives more only when the person the app acts for proves who they are
 * now, on the form that told what would be added, while nothing else has changed it (CONTRACT §8).
 */
export async function changeApp(
  c: Context<App>,
  grantId: string,
  fields: URLSearchParams,
  usable: readonly UsableServer[],
  today: Today,
): Promise<ChangeMade> {
  const names = await namesOfServers(c.env.DB);
  let made: ChangeMade | null = null;
  let proved: boolean | null = null;
  const grant = await changeGrant(c.env, grantId, { today, by: by(c), names }, async (grant) => {
    const { change, choice } = await changeIn(fields, grant, usable, today.now);
    made = null;
    if (!fields.has('save')) made = { is: 'again', choice, problem: undefined };
    else if (change.servers && isNothing(change.servers)) made = { is: 'again', choice, problem: NOTHING };
    if (made) return null;
    const added = wideningOf(grant, change);
    if (!added) return change;
    const wasTold = fields.get('told') === String(grant.termsVersion);
    if (wasTold) proved ??= await isProvedNow(c, grant, fields);
    if (wasTold && proved) return change;
    made = { is: 'more', grant, added, isRefused: wasTold };
    return null;
  });
  return made ?? (grant ? { is: 'saved', grant } : { is: 'gone' });
}

const NOTHING = 'Select at least one server or tool. To remove all access, revoke it.';

type MoreProps = {
  grant: Grant;
  added: Widening;
  isRefused: boolean;
  usable: readonly UsableServer[];
  fields: URLSearchParams;
  proof: ProofNow;
  csrf: string;
};

/** Before an app gets more: what consent says of it, what is added, and the proof. */
export function MoreForm({ grant, added, isRefused, usable, fields, proof, csrf }: MoreProps) {
  const at = `/me/apps/${grant.grantId}`;
  const typed = modeOf(grant.subject)?.typed;
  const canBeGiven = proof === 'signed_in' || proof === 'typed';
  return (
    <>
      <Head
        crumbs={[
          { href: '/me', text: 'Your apps' },
          { href: at, text: cut(nameOf(grant)) },
        ]}
        title={
          <>
            Give <Name of={nameOf(grant)} /> more access?
          </>
        }
      />
      <form class="card stack" method="post" action={`${at}/access`}>
        <Added grant={grant} added={added} usable={usable} />
        {WORDS[proof](at)}
        {canBeGiven && (
          <>
            <Csrf value={csrf} />
            <FieldsAgain form={fields} but={['told', ...(typed ? [typed.field] : [])]} />
            <input type="hidden" name="told" value={grant.termsVersion} />
          </>
        )}
        {proof === 'typed' && typed && (
          <Input
            name={typed.field}
            label={typed.label}
            type="password"
            mono
            required
            autofocus={isRefused}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            error={isRefused ? modeOf(grant.subject)?.refusal : undefined}
          />
        )}
        <div class="actions">
          {canBeGiven && (
            <button type="submit" class="button primary" data-busy="Saving…">
              Give more access
            </button>
          )}
          <a class="button" href={at}>
            Keep it as it is
          </a>
        </div>
      </form>
    </>
  );
}

const WORDS: Readonly<Record<ProofNow, (at: string) => Child>> = {
  signed_in: () => <p class="muted">Takes effect within seconds.</p>,
  typed: () => <p class="muted">To confirm, enter the access key that this app acts as.</p>,
  sign_in: (at) => (
    <Notice
      tone="info"
      action={
        <a class="button small primary" href={`/oauth/sign-in?return_to=${encodeURIComponent(at)}`}>
          Sign in
        </a>
      }
    >
      To give an app more access, sign in again: your last sign-in is more than 15 minutes old. Then choose
      again.
    </Notice>
  ),
  never: () => (
    <Notice tone="info">
      This app acts for someone who didn’t sign in. To give it more access, connect it again and choose there.
    </Notice>
  ),
};
