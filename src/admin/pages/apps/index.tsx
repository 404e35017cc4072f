import { Hono } from 'hono';
import type * as z from 'zod/mini';
import type { App } from '../../../config';
import { Confirm } from '../../../ui/forms';
import { ListPage } from '../../../ui/list-page';
import { cut, Name } from '../../../ui/name';
import { Empty, When } from '../../../ui/parts';
import type { ShownClient } from '../../api/answers/client';
import { act, listPage, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';

type ClientView = z.infer<typeof ShownClient>;
type Clients = { clients: ClientView[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/apps';

/** The apps that this gateway knows, whether or not anybody allowed them anything. */
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
            Delete the app <Name of={nameOf(client)} />?
          </>
        }
        action={`${AT}/delete`}
        button="Delete it"
        back={AT}
        csrf={await csrfOf(c)}
      >
        <p>
          {count
            ? `What ${count === 1 ? 'one person' : `people, ${count} times,`} allowed it ends, and it`
            : 'It'}{' '}
          is refused within seconds. {comesBack(client)}
        </p>
        <input type="hidden" name="app" value={client.id} />
      </Confirm>
    );
    return adminPage(c, { title: 'Delete an app', at: '/admin/access', body });
  })
  .post('/delete', async (c) => {
    const form = await readForm(c);
    const id = encodeURIComponent(form.get('app') ?? '');
    const deleted = await act(c, form, 'DELETE', `/oauth2/clients/${id}`);
    if (deleted.ok) return goTo(c, AT, 'The app was deleted. What it was allowed is refused within seconds.');
    return goTo(c, AT, deleted.status === 404 ? 'That app is not here any more.' : deleted.message);
  });

function comesBack({ registration }: ClientView): string {
  return registration === 'metadata_document'
    ? 'It describes itself at an address of its own, so it may ask again. To keep it out, say in the settings which web apps may connect.'
    : 'To be used again, it has to be connected anew. Some apps have to be told to forget this gateway first.';
}

function AppList({ clients, search, total_count, offset, limit }: Clients & { search: string }) {
  return (
    <ListPage
      title="Apps"
      at={AT}
      search={search}
      words={{
        find: 'Name of the app',
        none: 'No app begins with',
        noMore: 'There are no more apps',
      }}
      intro={
        <p class="muted">
          Apps that asked to be known here. None of them may do anything until somebody allows it; one that
          nobody uses for 30 days is forgotten by itself.
        </p>
      }
      columns={[
        { name: 'App' },
        { name: 'Goes back to' },
        { name: 'Known since' },
        { name: 'Access', isNumber: true },
        { name: 'Actions', isHidden: true },
      ]}
      rows={clients}
      row={(client) => <AppRow client={client} />}
      total={total_count}
      {...{ offset, limit }}
    >
      <Empty title="No app is known yet">
        <p>
          An app makes itself known when somebody connects it for the first time.{' '}
          <a href="/">See how to connect one</a>.
        </p>
      </Empty>
    </ListPage>
  );
}

function AppRow({ client }: { client: ClientView }) {
  const places = [...new Set(client.redirect_uris.map(returnHostOf))];
  return (
    <tr>
      <td>
        <b>
          <Name of={nameOf(client)} />
        </b>
        <br />
        <small>
          {client.registration === 'metadata_document' ? (
            <>
              describes itself at <span class="mono">{new URL(client.id).host}</span>
            </>
          ) : (
            'registered by itself'
          )}
        </small>
      </td>
      <td data-label="Goes back to">
        <span>
          {places.slice(0, 3).join(', ')}
          {places.length > 3 && ` and ${places.length - 3} more`}
        </span>
      </td>
      <td data-label="Known since">
        <span>
          <When at={client.created_at} />
        </span>
      </td>
      <td data-label="Access" class="num">
        {client.session_count ? (
          <a href={`/admin/access?${new URLSearchParams({ app: client.id })}`}>
            {client.session_count.toLocaleString('en')}
            <span class="unseen"> with access</span>
          </a>
        ) : (
          'none'
        )}
      </td>
      <td>
        <a class="button danger small" href={`${AT}/delete?${new URLSearchParams({ app: client.id })}`}>
          Delete<span class="unseen"> {cut(nameOf(client))}</span>
        </a>
      </td>
    </tr>
  );
}

function nameOf({ client_name }: ClientView): string {
  return client_name || 'An app without a name';
}

/** Where a redirect target leads, as people know it: a host, this computer, or an app's own scheme. */
function returnHostOf(uri: string): string {
  const { protocol, hostname, host } = new URL(uri);
  if (['localhost', '127.0.0.1', '[::1]'].includes(hostname)) return 'the person’s computer';
  return protocol === 'https:' ? host : protocol.slice(0, -1);
}
