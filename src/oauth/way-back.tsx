import type { Child } from 'hono/jsx';
import { ClientAvatar } from '../clients/avatar';
import type { Destination } from '../protocol/destination';
import { GatewayAvatar, Meet } from '../ui/avatar';
import { type Gateway, page, Reference, sendOn } from '../ui/layout';
import { cut } from '../ui/name';

/** A client as pages show it: `id` says whether a site vouches for its name. */
export type ShownClient = { id: string; name: string };

type WayBack = {
  client: ShownClient;
  /** The authorization response: the registered redirect URI and its parameters, nothing else (SECURITY 31). */
  destination: Destination;
  title: string;
  children?: Child;
  /** What became of it. `error`: no one has acted yet, and the browser goes nowhere by itself. */
  is: 'allowed' | 'denied' | 'error';
  /** What the log finds it by. */
  reference?: { code: string; requestId: string };
  cookies?: readonly string[];
};

/**
 * Sends the browser back to the client. An app with a private-use scheme (RFC 8252 §7.1) leaves the window as it is, so a page
 * says what happened and leads there, by itself and by a link.
 */
export function sendBack(place: Gateway, { is, destination, cookies = [], ...shown }: WayBack): Response {
  if (/^https?:/i.test(destination.url)) return sendOn(destination, cookies, is === 'error' ? 302 : 303);
  const { title } = shown;
  const status = is === 'error' ? 400 : 200;
  const refresh = is === 'error' ? null : destination;
  const body = <WayBackPage {...shown} is={is} href={destination.url} />;
  const response = page(place, title, body, status, { refresh });
  for (const cookie of cookies) response.headers.append('set-cookie', cookie);
  return response;
}

function WayBackPage({
  client,
  href,
  title,
  children,
  is,
  reference,
}: Omit<WayBack, 'destination'> & { href: string }) {
  const name = cut(client.name);
  return (
    <div class="card stack wide">
      <div class="stack center">
        {is === 'allowed' && (
          <Meet from={<GatewayAvatar />} by="check" to={<ClientAvatar of={client} isLarge />} />
        )}
        <h1>{title}</h1>
        <p class="muted">{children}</p>
      </div>
      <a class="button primary big" href={href}>
        <span class="grow">Open {name}</span>
      </a>
      <small class="center">
        Nothing happened? Go back to {name} yourself
        {is === 'allowed' && '. If it still asks you to sign in, connect it again'}.
      </small>
      {is === 'allowed' && (
        <>
          <hr class="rule" />
          <a class="center" href="/me" target="_blank" rel="noopener">
            See or change what your apps can use
          </a>
        </>
      )}
      {reference && (
        <>
          <hr class="rule" />
          <Reference {...reference} />
        </>
      )}
    </div>
  );
}
