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
import { Name } from '../ui/name';
import { Input } from '../ui/parts';
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

const NOTHING = 'Tick at least one tool. To take everything away, withdraw its access.';

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
    <form class="card stack wide" method="post" action={`${at}/access`}>
      <h1>
        Give <Name of={nameOf(grant)} /> more?
      </h1>
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
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          error={isRefused ? modeOf(grant.subject)?.refusal : undefined}
        />
      )}
      <div class="actions">
        {canBeGiven && (
          <button type="submit" class="button primary">
            Give it more
          </button>
        )}
        <a class="button" href={at}>
          Leave it as it is
        </a>
      </div>
    </form>
  );
}

const WORDS: Readonly<Record<ProofNow, (at: string) => Child>> = {
  signed_in: () => <p class="muted">It gets this within seconds.</p>,
  typed: () => <p class="muted">Enter the access key it acts for. Its holder may give this.</p>,
  sign_in: (at) => (
    <>
      <p class="notice">To give an app more, sign in first, within the last 15 minutes; then choose again.</p>
      <p>
        <a class="button primary" href={`/oauth/sign-in?return_to=${encodeURIComponent(at)}`}>
          Sign in
        </a>
      </p>
    </>
  ),
  never: () => (
    <p class="notice">
      Nobody can prove to be whom this app acts for. To give it more, connect it again and choose there.
    </p>
  ),
};
