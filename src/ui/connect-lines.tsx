import { slugOf } from '../protocol/authorization';
import { isLoopback } from '../protocol/public-url';
import { APPS, type ConnectableApp, type Steps, YOUR_KEY } from './connect-apps';
import { Icon } from './icons';
import { Copy } from './parts';

/** What is connected to: an MCP address of this gateway, and the name apps file it under (letters, digits, `-`). */
export type Endpoint = { url: string; name: string };

/** `/mcp` itself, or the toolset or server at `slug`. */
export function endpointOf(issuer: string, displayName: string, slug: string | null): Endpoint {
  if (slug !== null) return { url: `${issuer}/mcp/${slug}`, name: slug };
  return { url: `${issuer}/mcp`, name: slugOf(displayName) || 'toolgate' };
}

/** Which credentials `/mcp` takes (`mcp_server_auth_mode`). */
export type AuthMode = 'headers' | 'both' | 'oauth';

/** The ways into `to` that one app and the gateway have in common. @param accessKey null: no one's in particular */
export function waysInto(app: ConnectableApp, to: Endpoint, mode: AuthMode, accessKey: string | null = null) {
  return {
    signIn: mode === 'headers' ? null : (app.bySignIn?.(to) ?? null),
    key: mode === 'oauth' ? null : (app.byKey?.(to, accessKey ?? YOUR_KEY) ?? null),
  };
}

/** Why there is no way into `to` for an app; null: there is one. */
export function obstacleOf(app: ConnectableApp, to: Endpoint, mode: AuthMode): string | null {
  const { name, isRemote } = app;
  const { signIn, key } = waysInto(app, to, mode);
  if (!signIn && !key) {
    return app.byKey
      ? `${name} connects with an access key, and this gateway takes sign-in only. Ask your administrator.`
      : `${name} connects by signing in, and this gateway takes access keys only. Ask your administrator.`;
  }
  return isRemote && isLoopback(new URL(to.url).hostname)
    ? `${name} runs on its maker’s servers, which can’t reach this computer. Deploy the gateway, then connect ${name} to its public address.`
    : null;
}

/** What to press, or to copy, so that an app has the address. */
export function AddIt({ name, steps: { say, what, lines, link } }: { name: string; steps: Steps }) {
  const byHand = (
    <>
      <small>{say}</small>
      {lines.map((text, at) => (
        <Copy text={text} label={at ? `${what} ${at + 1}` : what} />
      ))}
    </>
  );
  if (!link) return byHand;
  return (
    <>
      <div class="row">
        <a class="button primary" href={link}>
          <Icon of="plus" />
          Add to {name}
        </a>
        <small>Opens {name}.</small>
      </div>
      <details class="quiet">
        <summary>Add it by hand</summary>
        <div class="stack tight">{byHand}</div>
      </details>
    </>
  );
}

type ConnectLinesProps = {
  to: Endpoint;
  mode: AuthMode;
  /** Null: no one's in particular. Never part of a link. */
  accessKey?: string | null;
  /** Only the lines that carry the key. */
  onlyByKey?: boolean;
};

/** How to connect each app to `to`, folded: by signing in, and with a key, as far as the gateway and the app take them. */
export function ConnectLines({ to, mode, accessKey = null, onlyByKey = false }: ConnectLinesProps) {
  return (
    <ul class="list">
      {APPS.map((app) => {
        const { signIn, key } = waysInto(app, to, mode, accessKey);
        const steps = onlyByKey || !signIn ? key : signIn;
        if (!steps || obstacleOf(app, to, mode)) return null;
        return (
          <li>
            <details class="grow" name="apps">
              <summary>{app.name}</summary>
              <div class="stack tight">
                <AddIt name={app.name} steps={steps} />
                {steps === signIn && key && (
                  <details class="quiet">
                    <summary>Use an access key instead</summary>
                    <div class="stack tight">
                      <AddIt name={app.name} steps={key} />
                    </div>
                  </details>
                )}
              </div>
            </details>
          </li>
        );
      })}
    </ul>
  );
}
