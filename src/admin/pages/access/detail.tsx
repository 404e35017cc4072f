import { modeOfKind } from '../../../identity';
import { shortCode } from '../../../log';
import { Cut, cut, Name } from '../../../ui/name';
import { Badge, LastUse, When } from '../../../ui/parts';
import { AccessTools } from './grant-tools';
import {
  adviceOn,
  browserOf,
  countryOf,
  type GrantView,
  holderOf,
  isReadOnly,
  reasonOf,
  stateOf,
} from './words';

const AT = '/admin/access';

/** One app's access: what it acts for, what it may use, how it stands, and its end. */
export function AccessDetail({ access }: { access: GrantView }) {
  const { name, kind } = holderOf(access);
  const { tone, word } = stateOf(access);
  const code = shortCode(access.id);
  const country = countryOf(access);
  const isActive = access.status === 'active';
  const advice = adviceOn(access);
  const at = modeOfKind(access.bf_mode)?.words.admin;
  return (
    <>
      <div class="row spread">
        <h1>
          <Name of={nameOf(access)} />
        </h1>
        <Badge tone={tone}>{isActive ? word : 'ended'}</Badge>
      </div>
      {!isActive && (
        <p class="notice">
          It ended {access.ended_at && <When at={access.ended_at} />}: {reasonOf(access)}. {advice}
        </p>
      )}
      <dl class="facts card">
        <dt>Bound to</dt>
        <dd>
          <Holder access={access} /> <small>{kind}</small>
        </dd>
        <dt>Goes back to</dt>
        <dd>{returnHostOf(access)}</dd>
        <dt>Allowed</dt>
        <dd>
          <When at={access.created_at} /> with {browserOf(access.user_agent)}
          {country && `, in ${country}`}
        </dd>
        <dt>Until</dt>
        <dd>
          <When at={access.expires_at} never="withdrawn" />
        </dd>
        <dt>Last used</dt>
        <dd>
          <LastUse at={access.last_used_at} />
        </dd>
        <dt>What happened</dt>
        <dd>
          <a href={`/admin/audit?code=${code}`}>
            <span class="mono">{code}</span> in the audit
          </a>
        </dd>
      </dl>
      <section class="stack tight">
        <h2>What it may use{isReadOnly(access) && ', read only'}</h2>
        <AccessTools access={access} />
        {isActive && (
          <p>
            <a class="button" href={`${AT}/${access.id}/change?for=${access.bf_mode}:${access.bf_sub}`}>
              Change it
            </a>
          </p>
        )}
      </section>
      <section class="stack tight apart">
        <h2>{isActive ? 'End it' : 'Like it'}</h2>
        <div class="row">
          {isActive && (
            <a class="button danger" href={`${AT}/${access.id}/end`}>
              End this access
            </a>
          )}
          <a class="button" href={`${AT}?${new URLSearchParams({ app: access.client_id })}`}>
            All access of this app
          </a>
          {at && (
            <a class="button" href={`${AT}?${new URLSearchParams({ [at.filter]: access.bf_sub })}`}>
              All access of {cut(name)}
            </a>
          )}
        </div>
      </section>
    </>
  );
}

function Holder({ access }: { access: GrantView }) {
  const { name } = holderOf(access);
  const at = modeOfKind(access.bf_mode)?.words.admin;
  if (!access.identity_name || !at) {
    return (
      <b>
        <Name of={name} />
      </b>
    );
  }
  return (
    <a href={`${at.path}/${access.bf_sub}`}>
      <Cut of={name} />
    </a>
  );
}

/** What it calls itself, and what whoever it acts for calls it. */
export function nameOf({ client_name, given_name }: GrantView): string {
  const own = client_name || 'An app without a name';
  return given_name ? `${own} “${given_name}”` : own;
}

/** Where the person was sent back to, in words where it is this computer. */
export function returnHostOf({ redirect_host: host }: GrantView): string {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(host) ? 'an app on their own computer' : host;
}
