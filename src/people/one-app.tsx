import type { Child } from 'hono/jsx';
import type { GrantChoice } from '../consent/grant-choice';
import { GrantFields } from '../consent/grant-form';
import type { UsableServer } from '../consent/services';
import { adviceOnEnd, isAlarming, whyEnded } from '../grants/end-words';
import type { Grant } from '../grants/store';
import type { endOf } from '../grants/today';
import { Csrf } from '../ui/forms';
import { Cut, Name } from '../ui/name';
import { Badge, Input, LastUse, When } from '../ui/parts';
import { mayUse, nameOf, rfc3339, whereOf } from './app-words';

/** Characters of the name a person gives an app. */
export const MOST_NAME = 60;

type Servers = ReadonlyMap<string, string>;
export type OneAppProps = {
  grant: Grant;
  end: ReturnType<typeof endOf>;
  servers: Servers;
  csrf: string;
  back: string;
  /** What it may be given, and what its form says. */
  usable: readonly UsableServer[];
  choice: GrantChoice;
  /** What is wrong with what was chosen. */
  problem?: string | undefined;
};

/** One app: what it may do, and, while it has access, the forms that change it. */
export function OneApp(props: OneAppProps) {
  const { grant, end, servers, csrf, back } = props;
  return (
    <>
      <header class="stack tight">
        <p class="muted">
          <a href={back}>My access</a>
        </p>
        <div class="row spread">
          <h1>
            <Name of={nameOf(grant)} />
          </h1>
          {end ? (
            <Badge tone={isAlarming(end.reason) ? 'bad' : 'off'}>ended: {whyEnded(end.reason)}</Badge>
          ) : (
            <Badge tone="good">has access</Badge>
          )}
        </div>
      </header>
      {end && adviceOnEnd(end.reason) && <p class="notice">{adviceOnEnd(end.reason)}</p>}
      <dl class="facts">
        {grant.givenName && (
          <Fact name="Calls itself">
            <Name of={grant.clientName} />
          </Fact>
        )}
        <Fact name="Where">{whereOf(grant)}</Fact>
        <Fact name="May use">
          <MayUse grant={grant} servers={servers} />
        </Fact>
        <Fact name="Allowed">
          <When at={rfc3339(grant.createdAt)} />
        </Fact>
        <Fact name="Last seen">
          <LastUse at={rfc3339(grant.lastUsedAt)} never="not since then" />
        </Fact>
        <Fact name={end ? 'Ended' : 'Ends'}>
          <When
            at={rfc3339(end ? end.at : grant.expiresAt)}
            never={end ? 'when the address changed' : 'when you withdraw it'}
          />
        </Fact>
      </dl>
      {!end && (
        <>
          <ChangeForm {...props} />
          <form class="card stack" method="post" action={`/me/apps/${grant.grantId}`}>
            <Csrf value={csrf} />
            <Input
              name="name"
              label="What do you call it?"
              value={grant.givenName ?? ''}
              placeholder={grant.clientName}
              maxlength={MOST_NAME}
              autocomplete="off"
              hint="As “Claude on my laptop”. You and the administrators of this gateway see it."
            />
            <div class="actions">
              <button type="submit" class="button primary">
                Save the name
              </button>
            </div>
          </form>
          <section class="stack apart">
            <h2>Take its access back</h2>
            <p class="muted">It is refused within seconds. What you connected stays connected.</p>
            <div>
              <a class="button danger" href={`/me/apps/${grant.grantId}/withdraw`}>
                Withdraw
              </a>
            </div>
          </section>
        </>
      )}
    </>
  );
}

function ChangeForm({ grant, csrf, usable, choice, problem }: OneAppProps) {
  const at = `/me/apps/${grant.grantId}`;
  return (
    <form class="card stack wide" method="post" action={`${at}/access`}>
      <Csrf value={csrf} />
      <EnterShows />
      <h2>What it can use</h2>
      {problem && (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      )}
      <GrantFields
        grant={grant}
        usable={usable}
        choice={choice}
        action={`${at}/access`}
        toolsAt={`${at}/tools`}
        now={Math.floor(Date.now() / 1000)}
      />
      <div class="actions">
        <button type="submit" class="button primary" name="save" value="changes">
          Save changes
        </button>
        <small>
          Takes effect within seconds. <Cut of={nameOf(grant)} /> doesn’t have to sign in again.
        </small>
      </div>
    </form>
  );
}

/** The button that Enter presses, for it is the first: it saves nothing, and shows the form as it is filled in. */
function EnterShows() {
  return (
    <button type="submit" class="unseen" name="again" value="form" tabindex={-1}>
      Keep what I chose
    </button>
  );
}

function Fact({ name, children }: { name: string; children?: Child }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function MayUse({ grant, servers }: { grant: Grant; servers: Servers }) {
  const named = (grant.servers ?? []).flatMap(({ id, tools }) => {
    const name = servers.get(id);
    return name === undefined ? [] : [{ name, tools }];
  });
  return (
    <>
      {named.length ? grant.scope === 'mcp:read' && 'Reading only' : mayUse(grant, servers)}
      {named.map(({ name, tools }) => (
        <div>
          <b>{name}</b> <small>{tools ? tools.join(', ') : 'all tools, later ones too'}</small>
        </div>
      ))}
    </>
  );
}
