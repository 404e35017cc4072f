import type { Child } from 'hono/jsx';
import { isDocumentUrl } from '../clients/metadata-document';
import type { Flow } from '../flows';
import { identityModes, modeOf } from '../identity';
import type { Identity, IdentityMode } from '../identity/mode';
import { isLoopback } from '../protocol/public-url';
import type { Settings } from '../settings';
import { cut, Name } from '../ui/name';

/** What every form of a flow carries: the flow, its unguessable value, and what the last step has to say. */
export type FlowForm = {
  flowId: string;
  value: string;
  notice: string | undefined;
  chosen: string | undefined;
  flow: Flow;
  name: string;
};

/** First step: who are you? */
export function IdentityForm(props: FlowForm & { settings: Settings; remembered: Identity | null }) {
  const { flow, name, settings, remembered, notice, chosen } = props;
  const modes = [...identityModes];
  const offered = modes.filter(([, mode]) => mode.unavailable(settings) === null);
  const missing = modes.map(([, mode]) => mode.unavailable(settings)).filter(Boolean);
  return (
    <FlowFormElement {...props} step="identity">
      <header class="stack tight">
        <h1>
          <Name of={name} /> wants to use your tools
        </h1>
        <p class="muted">
          It can call the tools you choose in the next step, as you, for as long as you allow it.
        </p>
      </header>
      <About flow={flow} />
      {remembered ? (
        <Remembered identity={remembered} flowId={props.flowId} />
      ) : (
        <Choice offered={offered} chosen={chosen} notice={notice} />
      )}
      {remembered && notice && <p class="notice">{notice}</p>}
      {!remembered && missing.length > 0 && (
        <div class="stack tight">
          {missing.map((reason) => (
            <small>{reason}</small>
          ))}
        </div>
      )}
      <Actions
        primary="continue"
        label={remembered ? `Continue as ${cut(remembered.name)}` : (onlyWay(offered)?.label ?? 'Continue')}
      />
    </FlowFormElement>
  );
}

function Remembered({ identity, flowId }: { identity: Identity; flowId: string }) {
  const used = modeOf(identity.subject);
  const [wire] = [...identityModes].find(([, mode]) => mode === used) ?? [];
  return (
    <div class="stack tight">
      <input type="hidden" name="identity" value={wire} />
      <input type="hidden" name="remembered" value="on" />
      <p>
        You used{' '}
        <b>
          <Name of={identity.name} />
        </b>{' '}
        here before. <a href={`/oauth/consent?flow_id=${flowId}&use=another`}>Use another</a>
      </p>
    </div>
  );
}

type Offered = [string, IdentityMode][];

/** The only way to identify oneself, where there is but one and nothing to type; the button then says so. */
function onlyWay([first, ...more]: Offered): IdentityMode | null {
  return first && !more.length && !first[1].typed ? first[1] : null;
}

type ChoiceProps = { offered: Offered; chosen: string | undefined; notice: string | undefined };

function Choice({ offered, chosen, notice }: ChoiceProps) {
  const [first = ['', null], ...more] = offered;
  const current = offered.some(([wire]) => wire === chosen) ? chosen : first[0];
  const currentMode = offered.find(([wire]) => wire === current)?.[1];
  const message = notice && !currentMode?.typed && (
    <p class="notice" role="alert">
      {notice}
    </p>
  );
  if (!more.length) {
    return (
      <>
        <input type="hidden" name="identity" value={first[0]} />
        {message}
        {first[1]?.typed ? (
          <TypedField mode={first[1]} notice={notice} focus />
        ) : (
          <p class="muted">{first[1]?.hint}</p>
        )}
      </>
    );
  }
  return (
    <fieldset>
      <legend>Who are you?</legend>
      {message}
      {offered.map(([wire, mode]) => (
        <>
          <label class="choice">
            <input type="radio" name="identity" value={wire} checked={wire === current} />
            <span>{mode.label}</span>
            {!mode.typed && <small>{mode.hint}</small>}
          </label>
          <TypedField
            mode={mode}
            notice={mode === currentMode ? notice : undefined}
            focus={mode === currentMode}
          />
        </>
      ))}
    </fieldset>
  );
}

type TypedFieldProps = { mode: IdentityMode | null; notice: string | undefined; focus: boolean };

/** Where a person types what a mode is proved by; nothing for a mode that takes nothing typed. */
export function TypedField({ mode, notice, focus }: TypedFieldProps) {
  if (!mode?.typed) return null;
  const { field, label } = mode.typed;
  const [hintId, noticeId] = [`${field}-hint`, `${field}-notice`];
  return (
    <div class="field typed" data-error={notice ? '' : undefined}>
      <label for={field}>{label}</label>
      <input
        class="input mono"
        id={field}
        name={field}
        type="password"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        autofocus={focus}
        aria-describedby={notice ? `${noticeId} ${hintId}` : hintId}
        aria-invalid={notice ? 'true' : undefined}
      />
      {notice && (
        <span class="error" id={noticeId} role="alert">
          {notice}
        </span>
      )}
      <small id={hintId}>{mode.hint}</small>
    </div>
  );
}

type FormProps = { flowId: string; value: string; step: 'identity' | 'services'; children?: Child };

export function FlowFormElement({ flowId, value, step, children }: FormProps) {
  return (
    <form class="card stack wide" method="post" action="/oauth/consent">
      <input type="hidden" name="flow_id" value={flowId} />
      <input type="hidden" name="form" value={value} />
      <input type="hidden" name="step" value={step} />
      {children}
    </form>
  );
}

/** Where the client sends the person back, and how much of what it says of itself is known. */
export function About({ flow }: { flow: Flow }) {
  const url = new URL(flow.request.redirectUri);
  const since = new Date(flow.clientSince * 1000).toISOString();
  const today = since.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return (
    <dl class="facts">
      <dt>Sends you back to</dt>
      <dd>
        {isLoopback(url.hostname) ? (
          <>
            <span class="host">this computer</span> <small class="mono">{url.host}</small>
          </>
        ) : url.protocol === 'https:' ? (
          <span class="host">{url.host}</span>
        ) : (
          <>
            <span class="host">an app on this device</span>{' '}
            <small class="mono">{`${url.protocol}//${url.host}`}</small>
          </>
        )}
      </dd>
      {isDocumentUrl(flow.request.clientId) ? (
        <>
          <dt>Described at</dt>
          <dd>
            <span class="host">{new URL(flow.request.clientId).host}</span>. The name above is what that site
            calls it. <Unchecked since={flow.clientUncheckedSince} />
          </dd>
        </>
      ) : (
        <>
          <dt>Registered</dt>
          <dd>
            by itself, <time datetime={since}>{today ? 'today' : `on ${since.slice(0, 10)}`}</time>. The name
            above is its own claim.
          </dd>
        </>
      )}
    </dl>
  );
}

/** Since when the site's description could not be checked (CONTRACT §3). */
function Unchecked({ since }: { since: number | null }) {
  if (!since) return null;
  const day = new Date(since * 1000).toISOString();
  return (
    <>
      It has not been possible to check this since <time datetime={day}>{day.slice(0, 10)}</time>.
    </>
  );
}

/** The primary action comes first in the document, so that Enter in a field never means Deny. */
export function Actions({ primary, label }: { primary: 'allow' | 'continue'; label: string }) {
  return (
    <div class="actions">
      <button type="submit" class="button primary" name="decision" value={primary}>
        {label}
      </button>
      <button type="submit" class="button" name="decision" value="deny">
        Deny
      </button>
    </div>
  );
}
