import { ClientAvatar } from '../clients/avatar';
import { isDocumentUrl } from '../clients/metadata-document';
import { isAlarming } from '../grants/end-words';
import type { Grant } from '../grants/store';
import { countOf } from '../ui/english';
import { Cut, cut } from '../ui/name';
import { Badge, dayOf, Empty, LastUse, When } from '../ui/parts';
import { Pager, Table } from '../ui/table';
import { canUse, endedWord, nameOf, rfc3339, whereOf } from './app-words';

type AppListProps = {
  grants: Grant[];
  total: number;
  limit: number;
  offset: number;
  /** The last ones that ended. */
  ended: Grant[];
  /** Names, by id. */
  servers: ReadonlyMap<string, string>;
  /** When the clients were registered (epoch seconds), by client id. */
  registered: ReadonlyMap<string, number>;
  /** The address of the page. */
  at: string;
};

/** The apps of someone that have access, and the last ones that had. */
export function AppList(props: AppListProps) {
  const { grants, total, limit, offset, ended, servers, at } = props;
  const isAlike = namesTwice(grants);
  return (
    <section class="stack" aria-labelledby="apps">
      <h2 id="apps">{total ? `${countOf(total, 'app has', 'apps have')} access` : 'Apps'}</h2>
      {grants.length ? (
        <Table
          label="Apps with access"
          columns={[
            { name: 'App' },
            { name: 'Can use' },
            { name: 'Last used' },
            { name: 'Allowed', isExtra: true },
            { name: 'Ends' },
            { name: 'Actions', isHidden: true },
          ]}
        >
          {grants.map((grant) => (
            <tr>
              <td>
                <span class="thing">
                  <AppAvatar grant={grant} />
                  <span>
                    <a class="name cut" href={`/me/apps/${grant.grantId}`} title={nameOf(grant)}>
                      <Cut of={nameOf(grant)} />
                    </a>
                    <small class="cut" title={isAlike(grant) ? undefined : whereOf(grant)}>
                      {grant.givenName && (
                        <>
                          <Cut of={grant.clientName} /> ·{' '}
                        </>
                      )}
                      {isAlike(grant) ? originOf(grant, props.registered) : whereOf(grant)}
                    </small>
                  </span>
                </span>
              </td>
              <td data-label="Can use">{canUse(grant, servers)}</td>
              <td data-label="Last used">
                <span>
                  <LastUse at={rfc3339(grant.lastUsedAt)} />
                </span>
              </td>
              <td data-label="Allowed" class="extra">
                <When at={rfc3339(grant.createdAt)} />
              </td>
              <td data-label="Ends">
                <span>
                  <When at={rfc3339(grant.expiresAt)} never="when you revoke it" />
                </span>
              </td>
              <td class="end">
                <a class="button small quiet" href={`/me/apps/${grant.grantId}`}>
                  Edit<span class="unseen"> {cut(nameOf(grant))}</span>
                </a>
                <a class="button small quiet danger" href={`/me/apps/${grant.grantId}/withdraw`}>
                  Revoke…<span class="unseen"> the access of {cut(nameOf(grant))}</span>
                </a>
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <Empty title={offset ? 'There are no more apps' : 'No app has access'} glyph="app">
          <p>Connect Claude, ChatGPT, Cursor or another app. It appears here once you allow it.</p>
          <div class="row">
            <a class="button primary" href="/">
              Connect an app
            </a>
          </div>
        </Empty>
      )}
      {total > limit && (
        <Pager
          {...{ total, limit, offset, count: grants.length }}
          one="app"
          href={(offset) => `${at}&offset=${offset}`}
        />
      )}
      {ended.length > 0 && <HadAccess ended={ended} />}
    </section>
  );
}

function HadAccess({ ended }: { ended: readonly Grant[] }) {
  return (
    <details class="quiet">
      <summary>{countOf(ended.length, 'app')} had access before</summary>
      <ul class="list">
        {ended.map((grant) => (
          <li>
            <AppAvatar grant={grant} />
            <span class="grow">
              <a class="name" href={`/me/apps/${grant.grantId}`}>
                <Cut of={nameOf(grant)} />
              </a>{' '}
              <small>{whereOf(grant)}</small>
            </span>
            <Badge tone={isAlarming(grant.endedReason) ? 'bad' : 'off'}>
              {endedWord(grant.endedReason ?? 'issuer_changed')}
            </Badge>
            {grant.endedAt !== null && (
              <small>
                <When at={rfc3339(grant.endedAt)} />
              </small>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

export function AppAvatar({ grant, isLarge = false }: { grant: Grant; isLarge?: boolean }) {
  return <ClientAvatar of={{ id: grant.clientId, name: nameOf(grant) }} isLarge={isLarge} />;
}

/** True of an app beside which another is called the same. */
function namesTwice(grants: readonly Grant[]): (grant: Grant) => boolean {
  const keyOf = (grant: Grant) => nameOf(grant).trim().toLowerCase();
  const names = grants.map(keyOf);
  return (grant) => names.indexOf(keyOf(grant)) !== names.lastIndexOf(keyOf(grant));
}

/** What tells an app from others with its name: where it returns to, and when or by whom it was registered. */
function originOf(grant: Grant, registered: ReadonlyMap<string, number>): string {
  const { redirectHost, clientId } = grant;
  const where = whereOf(grant);
  const place = where === redirectHost ? where : `${where} (${redirectHost})`;
  const { name, value } = registrationOf(clientId, registered.get(clientId));
  return `${place} · ${name.toLowerCase()} ${value}`;
}

/** How the gateway got to know an app. @param at epoch seconds; undefined: it was deleted */
export function registrationOf(clientId: string, at: number | undefined): { name: string; value: string } {
  if (isDocumentUrl(clientId)) return { name: 'Published by', value: new URL(clientId).host };
  return { name: 'Registered', value: at === undefined ? '–' : dayOf(new Date(at * 1000).toISOString()) };
}
