import type { Child } from 'hono/jsx';
import type { KeyOverview } from '../../../governance/key-overview';
import type { VirtualKey } from '../../../governance/virtual-keys';
import { type AuthMode, ConnectLines, type Endpoint } from '../../../ui/connect-lines';
import { countOf } from '../../../ui/english';
import { Confirm, Csrf } from '../../../ui/forms';
import { Cut, cut, Name } from '../../../ui/name';
import { AuditLink, Copy, Head, Notice, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { lengthOf, limitsOf } from './limit-rows';
import { canUse, KeyBadge, KeyUse } from './list';

const AT = '/admin/keys';
/** The page above all of these. */
const KEYS = { href: AT, text: 'Access keys' };
const above = ({ id, name }: VirtualKey) => [KEYS, { href: `${AT}/${id}`, text: cut(name) }];

export function NewKeyHead() {
  return <Head title="Create key" crumbs={[KEYS]} />;
}

export function KeyHead({ overview: { key, previousUntil } }: { overview: KeyOverview }) {
  return (
    <>
      <Head
        title={<Name of={key.name} />}
        crumbs={[KEYS]}
        badge={<KeyBadge of={key} />}
        actions={
          <a class="button" href={`${AT}/${key.id}/rotate`}>
            Rotate key…
          </a>
        }
      />
      {previousUntil !== null && (
        <Notice tone="warn">
          This key was rotated. The old key stops working <When at={rfc3339(previousUntil)} />. If it may have
          leaked, rotate again and choose that reason.
        </Notice>
      )}
    </>
  );
}

/** What there is to know of a key beside its terms, and its end. `apps`: how many have access by it. */
export function KeyAside({ overview, apps }: { overview: KeyOverview; apps: number }) {
  const { key, owner } = overview;
  return (
    <aside class="stack wide">
      <section class="card stack">
        <h2>This key</h2>
        <dl class="facts">
          <dt>Key</dt>
          <dd class="mono">{key.valueMask}</dd>
          <dt>Created</dt>
          <dd>
            <When at={rfc3339(key.createdAt)} />
          </dd>
          <dt>Last used</dt>
          <dd>
            <KeyUse of={key} />
          </dd>
          <dt>Apps</dt>
          <dd>
            {apps ? (
              <a href={`/admin/access?${new URLSearchParams({ key: key.id })}`}>{hasAccess(apps)}</a>
            ) : (
              'None'
            )}
            {owner && (
              <small>
                <a href={`/admin/access?${new URLSearchParams({ person: owner.id })}`}>
                  Apps of <Cut of={owner.name} />
                </a>
              </small>
            )}
          </dd>
        </dl>
        <AuditLink of="key" id={key.id} />
        {!overview.toolsets.length && (
          <small>
            <a href="/admin/toolsets">Toolsets</a> can give it tools of several servers at once.
          </small>
        )}
      </section>
      <section class="card danger stack tight">
        <h2>Delete key</h2>
        <p class="muted small">
          {apps ? `${countOf(apps, 'app')} ${apps === 1 ? 'loses' : 'lose'} access` : 'It stops working'}{' '}
          within seconds.
        </p>
        <div class="actions">
          <a class="button danger" href={`${AT}/${key.id}/delete`}>
            Delete…
          </a>
        </div>
      </section>
    </aside>
  );
}

const hasAccess = (apps: number) => (apps === 1 ? '1 has access' : `${countOf(apps, 'app')} have access`);

type RotateProps = { overview: KeyOverview; cooldown: number; csrf: string };

/** Why a key is rotated, and what then happens. */
export function RotateKey({ overview: { key }, cooldown, csrf }: RotateProps) {
  const { id, name, valueMask } = key;
  return (
    <>
      <Head
        crumbs={above(key)}
        title={
          <>
            Rotate <Name of={name} />?
          </>
        }
      />
      <form class="card stack wide" method="post">
        <Csrf value={csrf} />
        <input type="hidden" name="value" value={valueMask} />
        <fieldset class="choices">
          <legend class="label">Why?</legend>
          <label class="choice">
            <input type="radio" name="reason" value="routine" checked />
            <b>Routine rotation</b>
            <small>
              {cooldown
                ? `The old key works for ${spanOf(cooldown)}, so you can hand out the new one.`
                : 'The old key stops working at once.'}{' '}
              Apps that were allowed in a browser keep their access.
            </small>
          </label>
          <label class="choice">
            <input type="radio" name="reason" value="leaked" />
            <b>The key may have leaked</b>
            <small>
              The old key stops working at once, and apps that were allowed with it lose access. People
              connect them again with the new key.
            </small>
          </label>
        </fieldset>
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Rotating…">
            Rotate key
          </button>
          <a class="button" href={`${AT}/${id}`}>
            Cancel
          </a>
        </div>
      </form>
    </>
  );
}

/** `1 hour`, `90 minutes` */
function spanOf(seconds: number): string {
  const length = lengthOf(seconds);
  return /^\d/.test(length) ? length : `1 ${length}`;
}

type DeleteProps = { overview: KeyOverview; apps: number; accounts: number; csrf: string };

export function DeleteKey({ overview: { key, toolsets }, apps, accounts, csrf }: DeleteProps) {
  const { id, name } = key;
  return (
    <Confirm
      crumbs={above(key)}
      title={
        <>
          Delete <Name of={name} />?
        </>
      }
      action={`${AT}/${id}/delete`}
      button={`Delete ${cut(name)}`}
      busy="Deleting…"
      back={`${AT}/${id}`}
      csrf={csrf}
    >
      <p>Within seconds:</p>
      <ul>
        <li>Apps that send this key get an error.</li>
        {apps > 0 && (
          <li>
            <b>{countOf(apps, 'app')}</b> {apps === 1 ? 'loses' : 'lose'} access.
          </li>
        )}
        {accounts > 0 && (
          <li>
            <b>{countOf(accounts, 'connected account')}</b> {accounts === 1 ? 'is' : 'are'} deleted.
          </li>
        )}
        {toolsets.length > 0 && (
          <li>
            Its {countOf(toolsets.length, 'toolset')} {toolsets.length === 1 ? 'stays' : 'stay'}.
          </li>
        )}
      </ul>
      <p>
        You can’t undo this. To stop it for a while, <a href={`${AT}/${id}`}>turn it off</a> instead.
      </p>
    </Confirm>
  );
}

type NewValueProps = {
  title: string;
  overview: KeyOverview;
  value: string;
  mode: AuthMode;
  /** Null: the gateway does not know its own address yet. */
  to: Endpoint | null;
  children?: Child;
};

/** A key, the one time it is shown, and how to use it. */
export function NewValue({ title, overview: { key, toolsets }, value, mode, to, children }: NewValueProps) {
  const { id, name, limits, expiresAt } = key;
  return (
    <>
      <Head title={title} crumbs={[KEYS]} />
      <section class="card stack">
        <div class="stack tight">
          <h2>Copy it now</h2>
          <p>
            You can’t see this key again after two minutes. Store it in a password manager, or send it to its
            owner over a private channel.
          </p>
        </div>
        <Copy text={value} label="the key" isOnce />
        {children}
        <dl class="facts">
          <dt>Name</dt>
          <dd>
            <Name of={name} />
          </dd>
          <dt>Can use</dt>
          <dd>{canUse({ ...key, toolsetCount: toolsets.length }) || 'Tools that are open to everyone'}</dd>
          {(limits.length > 0 || expiresAt !== null) && (
            <>
              <dt>Limits</dt>
              <dd>
                {limitsOf(limits)}
                {expiresAt !== null && (
                  <>
                    {limits.length > 0 && ', '}
                    expires <When at={rfc3339(expiresAt)} />
                  </>
                )}
              </dd>
            </>
          )}
        </dl>
        <div class="actions">
          <a class="button primary" href={AT}>
            Done
          </a>
          <a class="button" href={`${AT}/${id}`}>
            Open the key
          </a>
        </div>
      </section>
      {to && mode !== 'oauth' && (
        <section class="card stack">
          <h2>Use it in an app</h2>
          <ConnectLines to={to} mode={mode} accessKey={value} onlyByKey />
        </section>
      )}
      {to && mode === 'oauth' && (
        <p class="muted">
          Apps connect <a href="/">by signing in</a>. Enter this key when the gateway asks who you are.
        </p>
      )}
    </>
  );
}

/** In place of a key that was shown, and is not any more. */
export function ValueGone({ of: { id, name } }: { of: VirtualKey }) {
  return (
    <>
      <Head title="This key was shown already" crumbs={[KEYS]} />
      <div class="card stack">
        <p>
          The key{' '}
          <b>
            <Name of={name} />
          </b>{' '}
          was shown for two minutes. If you didn’t copy it, rotate it to get a new one.
        </p>
        <div class="actions">
          <a class="button primary" href={`${AT}/${id}`}>
            Open the key
          </a>
          <a class="button" href={`${AT}/${id}/rotate`}>
            Rotate key…
          </a>
        </div>
      </div>
    </>
  );
}
