import { isDocumentUrl } from '../clients/metadata-document';
import type { Flow } from '../flows';
import { isLoopback } from '../protocol/public-url';
import { Cut, MOST, Name, Whole } from '../ui/name';
import { Badge, Notice, When } from '../ui/parts';
import { nameOf } from './step';

/** Where the client sends the person back, and who says what it is. */
export function About({ flow }: { flow: Flow }) {
  const { clientId, redirectUri } = flow.request;
  return (
    <dl class="facts">
      {isDocumentUrl(clientId) && (
        <>
          <dt>Published by</dt>
          <dd>
            <Host of={new URL(clientId).host} />{' '}
            {flow.clientUncheckedSince ? (
              <Unchecked flow={flow} />
            ) : (
              <Badge tone="good">Verified domain</Badge>
            )}
          </dd>
        </>
      )}
      <dt>Returns to</dt>
      <dd>
        <ReturnsTo uri={redirectUri} />
      </dd>
      {!isDocumentUrl(clientId) && (
        <>
          <dt>Registered</dt>
          <dd>
            <When at={rfc3339(flow.clientSince)} />
          </dd>
        </>
      )}
    </dl>
  );
}

/** An address in words where it is of this device, and as it is. */
export function ReturnsTo({ uri }: { uri: string }) {
  const { protocol, host } = new URL(uri);
  const isWeb = /^https?:$/.test(protocol);
  if (!isOfDevice(new URL(uri))) return <Host of={host} />;
  return (
    <>
      <b>{isWeb ? 'this computer' : 'this device'}</b>{' '}
      <small class="mono">{isWeb ? host : <Name of={`${protocol}//${host}`} />}</small>
    </>
  );
}

/** The host of a website. Of a long one the end is shown at once: that says whose it is. */
function Host({ of }: { of: string }) {
  return (
    <>
      <Whole of={of} label="Show the whole address" />
      <b>{of.length > MOST ? of.slice(1 - MOST) : of}</b>
    </>
  );
}

/** Since when the site's description could not be checked (CONTRACT §3). */
export function Unchecked({ flow: { clientUncheckedSince: since } }: { flow: Flow }) {
  return (
    since && (
      <Badge tone="warn">
        Not checked since <When at={rfc3339(since)} />
      </Badge>
    )
  );
}

/**
 * The caution beside a name that is its own claim (SECURITY 4), and beside one whose site is known but not who waits on this
 * device (MCP 2025-11-25, Localhost Redirect URI Risks).
 */
export function Unverified({ flow }: { flow: Flow }) {
  const { clientId, redirectUri } = flow.request;
  const isKnown = isDocumentUrl(clientId);
  if (isKnown && !isOfDevice(new URL(redirectUri))) return null;
  const name = <Cut of={nameOf(flow)} />;
  return (
    <Notice tone="warn">
      {isKnown ? (
        <>Any app on this device can act as {name} here.</>
      ) : (
        <>Not verified: any app can call itself {name}.</>
      )}{' '}
      Continue only if you just started connecting it.
    </Notice>
  );
}

/** True for an address that an app on this device answers, not a website. */
function isOfDevice({ protocol, hostname }: URL): boolean {
  return !/^https?:$/.test(protocol) || isLoopback(hostname);
}

function rfc3339(at: number): string {
  return new Date(at * 1000).toISOString();
}
