import type { Child } from 'hono/jsx';
import type { GrantChoice } from '../consent/grant-choice';
import { GrantFields } from '../consent/grant-form';
import type { UsableServer } from '../consent/services';
import { adviceOnEnd, isAlarming } from '../grants/end-words';
import type { Grant } from '../grants/store';
import type { endOf } from '../grants/today';
import type { Identity } from '../identity/mode';
import { Csrf } from '../ui/forms';
import { Icon } from '../ui/icons';
import { Cut, cut, Name } from '../ui/name';
import { Badge, described, Head, LastUse, Notice, When } from '../ui/parts';
import { AppAvatar, registrationOf } from './app-list';
import { canUse, endedWord, nameOf, rfc3339, whereOf } from './app-words';
import { whoIs } from './page';

/** Characters of the name a person gives an app. */
export const MOST_NAME = 60;

export type OneAppProps = {
  grant: Grant;
  end: ReturnType<typeof endOf>;
  identity: Identity;
  servers: ReadonlyMap<string, string>;
  /** When its client was registered (epoch seconds); undefined: it was deleted. */
  registered: number | undefined;
  csrf: string;
  back: string;
  /** What it may be given, and what its form says. */
  usable: readonly UsableServer[];
  choice: GrantChoice;
  /** What is wrong with what was chosen. */
  problem?: string | undefined;
};

/** One app: what it can use, and, while it has access, the forms that change it. */
export function OneApp(props: OneAppProps) {
  const { grant, end, back } = props;
  const advice = end && adviceOnEnd(end.reason);
  return (
    <>
      <Head
        crumbs={[{ href: back, text: 'Your apps' }]}
        avatar={<AppAvatar grant={grant} isLarge />}
        title={<Name of={nameOf(grant)} />}
        badge={
          end ? (
            <Badge tone={isAlarming(end.reason) ? 'bad' : 'off'}>{endedWord(end.reason)}</Badge>
          ) : (
            <Badge tone="good">Active</Badge>
          )
        }
      />
      {advice && <Notice tone="info">{advice}</Notice>}
      {end ? (
        <section class="card stack">
          <About {...props} />
        </section>
      ) : (
        <div class="cols">
          <ChangeForm {...props} />
          <aside class="stack wide">
            <section class="card stack">
              <h2>About</h2>
              <About {...props} />
              <RenameForm {...props} />
            </section>
            <section class="card danger stack tight">
              <h2>Revoke access</h2>
              <p class="muted small">
                It stops working within seconds. Your connected accounts stay connected.
              </p>
              <div class="actions">
                <a class="button danger" href={`/me/apps/${grant.grantId}/withdraw`}>
                  Revoke access…
                </a>
              </div>
            </section>
          </aside>
        </div>
      )}
    </>
  );
}

function ChangeForm({ grant, csrf, usable, choice, problem, back }: OneAppProps) {
  const at = `/me/apps/${grant.grantId}`;
  return (
    <form class="stack wide" method="post" action={`${at}/access`} autocomplete="off">
      <Csrf value={csrf} />
      <EnterShows />
      <section class="card stack">
        <h2>What it can use</h2>
        <GrantFields
          grant={grant}
          usable={usable}
          choice={choice}
          action={`${at}/access`}
          toolsAt={`${at}/tools`}
          now={Math.floor(Date.now() / 1000)}
        />
      </section>
      <div class="dock">
        {problem && (
          <span class="error" role="alert">
            <Icon of="error" />
            {problem}
          </span>
        )}
        <div class="actions">
          <button type="submit" class="button primary" name="save" value="changes" data-busy="Saving…">
            Save changes
          </button>
          <a class="button" href={back}>
            Cancel
          </a>
          <small>
            Takes effect within seconds. <Cut of={grant.clientName} /> doesn’t have to sign in again.
          </small>
        </div>
      </div>
    </form>
  );
}

/** The button that Enter presses, for it is the first: it saves nothing, and shows the form as it is filled in. */
function EnterShows() {
  return (
    <button type="submit" class="unseen" name="again" value="form" tabindex={-1}>
      Update
    </button>
  );
}

function RenameForm({ grant, csrf }: OneAppProps) {
  return (
    <form class="field" method="post" action={`/me/apps/${grant.grantId}`}>
      <Csrf value={csrf} />
      <label for="name">Name</label>
      <div class="unit">
        <input
          class="input grow"
          {...described('name', { hint: true })}
          value={grant.givenName ?? ''}
          placeholder={cut(grant.clientName)}
          maxlength={MOST_NAME}
          autocomplete="off"
        />
        <button type="submit" class="button" data-busy="Renaming…">
          Rename
        </button>
      </div>
      <small id="name-hint">Only you and administrators see it.</small>
    </form>
  );
}

function About({ grant, end, identity, servers, registered }: OneAppProps) {
  const where = whereOf(grant);
  const origin = registrationOf(grant.clientId, registered);
  return (
    <dl class="facts">
      <Fact name="Calls itself">
        <Name of={grant.clientName} />
      </Fact>
      <Fact name="Returns to">
        {where}
        {where !== grant.redirectHost && <small class="mono">{grant.redirectHost}</small>}
      </Fact>
      <Fact name={origin.name}>{origin.value}</Fact>
      <Fact name="Acts as">{whoIs(identity)}</Fact>
      <Fact name="Can use">{canUse(grant, servers)}</Fact>
      <Fact name="Allowed">
        <When at={rfc3339(grant.createdAt)} />
      </Fact>
      <Fact name="Last used">
        <LastUse at={rfc3339(grant.lastUsedAt)} />
      </Fact>
      <Fact name={end ? 'Ended' : 'Ends'}>
        <When
          at={rfc3339(end ? end.at : grant.expiresAt)}
          never={end ? 'when the address changed' : 'when you revoke it'}
        />
      </Fact>
    </dl>
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
