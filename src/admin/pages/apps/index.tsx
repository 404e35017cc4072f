import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { ClientAvatar } from '../../../clients/avatar';
import type { App } from '../../../config';
import { isLoopback } from '../../../protocol/public-url';
import { countOf, numberOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { ListPage } from '../../../ui/list-page';
import { cut, Name } from '../../../ui/name';
import { Empty, When } from '../../../ui/parts';
import type { ShownClient } from '../../api/answers/client';
import { appTabs } from '../access/tabs';
import { UNNAMED_APP } from '../access/words';
import { act, listPage, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';

type ClientView = z.infer<typeof ShownClient>;
type Clients = { clients: ClientView[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/apps';

/** The apps that registered, whether or not a person allowed them anything. */
export const appPages = new Hono<App>()
  .get('/', async (c) => {
    const { search, limit, offset } = listPage(c);
    const asked = new URLSearchParams({ search, limit: String(limit), offset: String(offset) });
    const list = await read<Clients>(c, `/oauth2/clients?${asked}`);
    return adminPage(c, { title: 'Apps', at: '/admin/access', body: <AppList {...list} search={search} /> });
  })

  // The id of an app may be an address, which no path segment of a browser's survives: it stands in the query.
  .get('/delete', async (c) => {
    const id = c.req.query('app') ?? '';
    const { client } = await read<{ client: ClientView }>(c, `/oauth2/clients/${encodeURIComponent(id)}`);
    const { session_count: count } = client;
    const body = (
      <Confirm
        title={
          <>
            Delete <Name of={nameOf(client)} />?
          </>
        }
        crumbs={[
          { href: '/admin/access', text: 'Apps' },
          { href: AT, text: 'All registered' },
        ]}
        action={`${AT}/delete`}
        button="Delete app"
        busy="Deleting…"
        back={AT}
        csrf={await csrfOf(c)}
      >
        <p>Within seconds:</p>
        <ul>
          <li>The app stops working.</li>
          {count > 0 && (
            <li>
              Its access ends. It was allowed <b>{countOf(count, 'time')}</b>.
            </li>
          )}
        </ul>
        <p>You can’t undo this. {comesBack(client)}</p>
        <input type="hidden" name="app" value={client.id} />
      </Confirm>
    );
    return adminPage(c, {
      title: `${cut(nameOf(client))} · Delete`,
      at: '/admin/access',
      isForm: true,
      body,
    });
  })
  .post('/delete', async (c) => {
    const form = await readForm(c);
    const id = encodeURIComponent(form.get('app') ?? '');
    const deleted = await act(c, form, 'DELETE', `/oauth2/clients/${id}`);
    if (deleted.ok) return goTo(c, AT, 'App deleted. It stops working within seconds.');
    if (deleted.status === 404) return goTo(c, AT, 'This app was deleted already.', 'info');
    return goTo(c, AT, deleted.message, 'bad');
  });

function comesBack({ registration }: ClientView): string {
  return registration === 'metadata_document'
    ? 'It is published at its own address, so it may ask again. To keep it out, limit which web apps may connect under Settings.'
    : 'To use it again, remove this gateway in the app, then connect it again.';
}

function AppList({ clients, search, total_count, offset, limit }: Clients & { search: string }) {
  return (
    <ListPage
      title="Apps"
      at={AT}
      search={search}
      words={{
        find: 'Find by name',
        none: 'No apps match',
        noMore: 'There are no more apps',
      }}
      lead="Apps that registered here. None can use anything until a person allows it. An app that is unused for 30 days is removed."
      tabs={appTabs('registered')}
      one="app"
      columns={[
        { name: 'App' },
        { name: 'Returns to' },
        { name: 'Registered', isExtra: true },
        { name: 'Has access', isNumber: true },
        { name: 'Actions', isHidden: true },
      ]}
      rows={clients}
      row={(client) => <AppRow client={client} />}
      total={total_count}
      {...{ offset, limit }}
    >
      <Empty title="No app has registered yet" glyph="app">
        <p>An app registers when a person connects it for the first time.</p>
        <div class="row">
          <a class="button primary" href="/">
            Connect an app
          </a>
        </div>
      </Empty>
    </ListPage>
  );
}

function AppRow({ client }: { client: ClientView }) {
  const places = [...new Set(client.redirect_uris.map(returnHostOf))];
  return (
    <tr>
      <td>
        <span class="thing">
          <ClientAvatar of={{ id: client.id, name: nameOf(client) }} />
          <span>
            <span class="name cut" title={nameOf(client)}>
              <Name of={nameOf(client)} />
            </span>
            {client.registration === 'metadata_document' && (
              <small class="cut" title={new URL(client.id).host}>
                published by {new URL(client.id).host}
              </small>
            )}
          </span>
        </span>
      </td>
      <td data-label="Returns to">
        <span class="cut" title={places.join(', ')}>
          {places.slice(0, 3).join(', ')}
          {places.length > 3 && ` and ${places.length - 3} more`}
        </span>
      </td>
      <td data-label="Registered" class="extra">
        <span>
          <When at={client.created_at} />
        </span>
      </td>
      <td data-label="Has access" class="num">
        {client.session_count ? (
          <a href={`/admin/access?${new URLSearchParams({ app: client.id })}`}>
            {numberOf(client.session_count)}
            <span class="unseen"> with access</span>
          </a>
        ) : (
          '–'
        )}
      </td>
      <td class="end">
        <a class="button small quiet danger" href={`${AT}/delete?${new URLSearchParams({ app: client.id })}`}>
          Delete…<span class="unseen"> {cut(nameOf(client))}</span>
        </a>
      </td>
    </tr>
  );
}

function nameOf({ client_name }: ClientView): string {
  return client_name || UNNAMED_APP;
}

/** Where a redirect target leads: a host, a computer, or an app's own scheme. */
function returnHostOf(uri: string): string {
  const { protocol, hostname, host } = new URL(uri);
  if (isLoopback(hostname)) return 'a computer';
  return protocol === 'https:' ? host : `a device (${protocol.slice(0, -1)})`;
}
