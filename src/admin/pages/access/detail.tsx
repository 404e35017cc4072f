import { ClientAvatar } from '../../../clients/avatar';
import { modeOfKind } from '../../../identity';
import { shortCode } from '../../../log';
import { Cut, cut, Name } from '../../../ui/name';
import { AuditLink, Badge, Head, LastUse, Notice, When } from '../../../ui/parts';
import { AccessTools } from './grant-tools';
import {
  adviceOn,
  browserOf,
  countryOf,
  type GrantView,
  holderOf,
  nameOf,
  returnHostOf,
  stateOf,
} from './words';

const AT = '/admin/access';

export const CRUMBS = [{ href: AT, text: 'Apps' }];

/** One app's access: what it acts as, what it can use, and its end. */
export function AccessDetail({ access }: { access: GrantView }) {
  const { tone, word } = stateOf(access);
  const isActive = access.status === 'active';
  const advice = adviceOn(access);
  return (
    <>
      <Head
        crumbs={CRUMBS}
        avatar={<AppAvatar access={access} isLarge />}
        title={<Name of={nameOf(access)} />}
        badge={<Badge tone={tone}>{word}</Badge>}
      />
      {advice && <Notice tone="info">{advice}</Notice>}
      <div class="cols">
        <section class="card stack">
          <h2>What it can use</h2>
          <AccessTools access={access} />
          {isActive && (
            <div class="actions">
              <a class="button" href={`${AT}/${access.id}/change?for=${access.bf_mode}:${access.bf_sub}`}>
                Edit
              </a>
            </div>
          )}
        </section>
        <aside class="stack wide">
          <About access={access} />
          {isActive && (
            <section class="card danger stack tight">
              <h2>Revoke access</h2>
              <p class="muted small">
                It stops working within seconds. To use it again, someone has to allow it again.
              </p>
              <div class="actions">
                <a class="button danger" href={`${AT}/${access.id}/end`}>
                  Revoke access…
                </a>
              </div>
            </section>
          )}
        </aside>
      </div>
    </>
  );
}

function About({ access }: { access: GrantView }) {
  const code = shortCode(access.id);
  const country = countryOf(access);
  const at = modeOfKind(access.bf_mode)?.words.admin;
  const listOf = (filter: string, id: string) => `${AT}?${new URLSearchParams({ [filter]: id })}`;
  return (
    <section class="card stack">
      <h2>About</h2>
      <dl class="facts">
        <dt>Acts as</dt>
        <dd>
          <Holder access={access} />
        </dd>
        <dt>Returns to</dt>
        <dd>{returnHostOf(access)}</dd>
        <dt>Allowed</dt>
        <dd>
          <When at={access.created_at} /> with {browserOf(access.user_agent)}
          {country && `, in ${country}`}
        </dd>
        <dt>Last used</dt>
        <dd>
          <LastUse at={access.last_used_at} />
        </dd>
        <dt>{access.status === 'active' ? 'Ends' : 'Ended'}</dt>
        <dd>
          {access.status === 'active' ? (
            <When at={access.expires_at} never="when it is revoked" />
          ) : (
            <When at={access.ended_at} never="when the address changed" />
          )}
        </dd>
        <dt>Audit log</dt>
        <dd>
          <a class="mono" href={`/admin/audit?code=${code}`}>
            {code}
          </a>
        </dd>
      </dl>
      <div class="actions">
        <a class="button small" href={listOf('app', access.client_id)}>
          All access of this app
        </a>
        {at && (
          <a class="button small" href={listOf(at.filter, access.bf_sub)}>
            All apps of {cut(holderOf(access).name)}
          </a>
        )}
      </div>
      <AuditLink of="app" id={access.client_id} />
    </section>
  );
}

function Holder({ access }: { access: GrantView }) {
  const { name, kind } = holderOf(access);
  const at = modeOfKind(access.bf_mode)?.words.admin;
  return (
    <>
      {access.identity_name && at ? (
        <a href={`${at.path}/${access.bf_sub}`}>
          <Cut of={name} />
        </a>
      ) : (
        <Name of={name} />
      )}{' '}
      <small>{kind}</small>
    </>
  );
}

export function AppAvatar({ access, isLarge = false }: { access: GrantView; isLarge?: boolean }) {
  return <ClientAvatar of={{ id: access.client_id, name: nameOf(access) }} isLarge={isLarge} />;
}
