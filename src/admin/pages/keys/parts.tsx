import type { Child } from 'hono/jsx';
import type * as z from 'zod/mini';
import type { KeyOverview } from '../../../governance/key-overview';
import { type AuthMode, ConnectLines, type Endpoint } from '../../../ui/connect-lines';
import { Confirm, Csrf } from '../../../ui/forms';
import { Cut, Name } from '../../../ui/name';
import { Badge, Copy, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { ShownKey } from '../../api/answers/virtual-key';
import { lengthOf } from './limit-rows';
import { standingOf } from './list';

const AT = '/admin/keys';

/** What a key is, where it is used, and how it stands. `apps`: how many have access by it. */
export function KeyHead({ overview, apps }: { overview: KeyOverview; apps: number }) {
  const { key, previousUntil, owner, toolsets } = overview;
  const { tone, word } = standingOf(key);
  return (
    <>
      <div class="row spread">
        <h1>
          <Name of={key.name} />
        </h1>
        <Badge tone={tone}>{word}</Badge>
      </div>
      {previousUntil !== null && (
        <p class="notice">
          It has a new value. The one before still works, and stops <When at={rfc3339(previousUntil)} />.
          Where it got into wrong hands, <a href={`${AT}/${key.id}/rotate`}>make another new value</a> and say
          so.
        </p>
      )}
      <dl class="facts">
        <dt>Key</dt>
        <dd class="mono">{key.valueMask}</dd>
        <dt>Made</dt>
        <dd>
          <When at={rfc3339(key.createdAt)} />
        </dd>
        <dt>Toolsets</dt>
        <dd>
          {toolsets.length ? (
            toolsets.map(({ id, name, enabled }, at) => (
              <>
                {at > 0 && ', '}
                <a href={`/admin/toolsets/${id}`}>
                  <Cut of={name} />
                </a>
                {!enabled && ' (off)'}
              </>
            ))
          ) : (
            <>
              none. <a href="/admin/toolsets">Toolsets</a> give it tools of several servers under one address.
            </>
          )}
        </dd>
        <dt>Apps with access</dt>
        <dd>
          {apps ? (
            <a href={`/admin/access?${new URLSearchParams({ key: key.id })}`}>{counted(apps, 'app')}</a>
          ) : (
            'none'
          )}
          {owner && (
            <>
              . Apps that <Name of={owner.name} /> allows as themselves are{' '}
              <a href={`/admin/access?${new URLSearchParams({ person: owner.id })}`}>listed as theirs</a>.
            </>
          )}
        </dd>
      </dl>
    </>
  );
}

type RotateProps = { overview: KeyOverview; cooldown: number; csrf: string };

/** Why a key gets a new value, and what then happens. */
export function RotateKey({ overview, cooldown, csrf }: RotateProps) {
  const { id, name, valueMask } = overview.key;
  return (
    <form class="card stack wide" method="post">
      <h1>
        Give <Name of={name} /> a new value
      </h1>
      <Csrf value={csrf} />
      <input type="hidden" name="value" value={valueMask} />
      <fieldset>
        <legend>Why?</legend>
        <label class="choice">
          <input type="radio" name="reason" value="routine" checked />
          <span>As a matter of routine</span>
          <small>
            {cooldown
              ? `The value it has now works for ${lengthOf(cooldown)} more, so that you can hand out the new one.`
              : 'The value it has now stops at once: apps that send it need the new one.'}{' '}
            Apps that were allowed with it in a browser go on.
          </small>
        </label>
        <label class="choice">
          <input type="radio" name="reason" value="leaked" />
          <span>Somebody else may have it</span>
          <small>
            The value it has now stops at once. Apps that were allowed with it lose access, and browsers that
            remember it, and links it was given, end. People connect again with the new value.
          </small>
        </label>
      </fieldset>
      <div class="actions">
        <button type="submit" class="button primary">
          Make the new value
        </button>
        <a class="button" href={`${AT}/${id}`}>
          Cancel
        </a>
      </div>
    </form>
  );
}

type DeleteProps = { overview: KeyOverview; apps: number; csrf: string };

export function DeleteKey({ overview, apps, csrf }: DeleteProps) {
  const { toolsets } = overview;
  const { id, name } = overview.key;
  return (
    <Confirm
      title={
        <>
          Delete the key <Name of={name} />?
        </>
      }
      action={`${AT}/${id}/delete`}
      button="Delete the key"
      back={`${AT}/${id}`}
      csrf={csrf}
    >
      <p>What happens within seconds:</p>
      <ul>
        <li>Apps that send the key are refused.</li>
        <li>
          {apps
            ? `The ${counted(apps, 'app')} that got access with it ${apps === 1 ? 'loses' : 'lose'} it.`
            : 'No app has access by it now.'}
        </li>
        <li>Accounts that were connected with it are forgotten.</li>
        {toolsets.length > 0 && <li>Its {toolsets.length === 1 ? 'toolset stays' : 'toolsets stay'}.</li>}
      </ul>
      <p class="muted">This cannot be undone. To stop it for a while, make it inactive instead.</p>
    </Confirm>
  );
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

type NewValueProps = {
  title: string;
  /** With its whole value. */
  made: Pick<z.infer<typeof ShownKey>, 'id' | 'name' | 'value' | 'mcp_configs'>;
  mode: AuthMode;
  /** Null: the gateway does not know its own address yet. */
  to: Endpoint | null;
  children?: Child;
};

/** A value, the one time it is shown, and what to do with it. */
export function NewValue({ title, made, mode, to, children }: NewValueProps) {
  const { id, name, value, mcp_configs } = made;
  return (
    <>
      <h1>{title}</h1>
      <div class="card stack">
        <p>
          This is the value of{' '}
          <b>
            <Name of={name} />
          </b>
          . Copy it now: in two minutes it is not shown any more.
        </p>
        <Copy text={value} label="the key" />
        {children}
        {!mcp_configs.length && (
          <p class="muted">
            It opens only what is open to everyone. To give it more, choose tools on its page, or attach it to
            a <a href="/admin/toolsets">toolset</a>.
          </p>
        )}
        <div class="actions">
          <a class="button primary" href={`${AT}/${id}`}>
            I have copied it
          </a>
        </div>
      </div>
      {to && mode !== 'oauth' && (
        <section class="stack">
          <h2>Connect an app with it</h2>
          <ConnectLines to={to} mode={mode} accessKey={value} onlyByKey />
        </section>
      )}
      {to && mode === 'oauth' && (
        <p class="muted">
          Apps are connected <a href="/">by signing in</a>; whoever does it pastes this key when asked who
          they are.
        </p>
      )}
    </>
  );
}

/** In place of a value that was shown, and is not any more. */
export function ValueGone({ id, name }: { id: string; name: string }) {
  return (
    <div class="card stack">
      <h1>The value is not shown any more</h1>
      <p>
        The value of <b>{name}</b> was shown for two minutes. If you did not copy it, give the key a new one.
      </p>
      <div class="actions">
        <a class="button primary" href={`${AT}/${id}`}>
          To the key
        </a>
        <a class="button" href={`${AT}/${id}/rotate`}>
          New value
        </a>
      </div>
    </div>
  );
}
