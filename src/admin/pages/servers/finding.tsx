import { authTypes } from '../../../accounts/auth/index';
import type { Finding } from '../../../mcp-client/address-check';
import type { Preset } from '../../../providers/presets';
import type { ConnectionType } from '../../../servers/server';
import { Badge, Copy } from '../../../ui/parts';
import { findingWords, OLDER_WORDS } from '../../api/servers/check-words';
import { toolCount } from '../tool-picker';
import { failureWords } from '../words/failures';

/** A finding about `url`, where `address` led. */
type Found = { address: string; url: string; connectionType: ConnectionType; finding: Finding };

const NO_SERVER = {
  website: 'It is a website',
  elsewhere: 'It redirects to another host',
} as const;

/** What a check found at an address, and what follows from it. Nothing is saved by it. */
export function FindingCard(props: Found & { redirectUri: string | null }) {
  const { address, url, connectionType } = props;
  return (
    <>
      {url !== address && (
        <p class="notice">
          It was found at <span class="mono">{url}</span>, not at <span class="mono">{address}</span>.
        </p>
      )}
      {connectionType === 'sse' && <p class="notice">{OLDER_WORDS}</p>}
      <FindingFacts {...props} />
    </>
  );
}

function FindingFacts(props: Found & { redirectUri: string | null }) {
  const { finding, redirectUri } = props;
  switch (finding.kind) {
    case 'open': {
      const { tools, toolNames } = finding;
      const more = tools - toolNames.length;
      return (
        <div class="found stack tight" role="status">
          <Badge tone="good">It answers</Badge>
          <p>
            It lists {toolCount(tools)} to whoever asks
            {toolNames.length > 0 && <>: </>}
            {toolNames.map((name, at) => (
              <>
                {at > 0 && ', '}
                <code>{name}</code>
              </>
            ))}
            {more > 0 && ` and ${more} more`}.
          </p>
        </div>
      );
    }
    case 'oauth':
      return (
        <div class="found stack tight" role="status">
          <Badge tone="good">It answers, and wants a sign-in</Badge>
          <p>
            People sign in at <b>{finding.provider}</b>.{' '}
            {finding.registersItself
              ? 'The gateway introduces itself there: leave the client ID empty. Save, then authorize it.'
              : 'It takes no apps that introduce themselves: register one there, and enter its client ID.'}
          </p>
          {!finding.registersItself && <OurRedirect uri={redirectUri} />}
        </div>
      );
    case 'credentials':
      return (
        <div class="found stack tight" role="status">
          <Badge tone="warn">It answers, and wants credentials</Badge>
          <p>
            It names no place to sign in, so it wants something in a header: an API key, most likely. Whoever
            runs it says which.
          </p>
        </div>
      );
    case 'website':
    case 'elsewhere':
      return (
        <div class="found stack tight" role="status">
          <Badge tone="bad">{NO_SERVER[finding.kind]}</Badge>
          <p>{findingWords(props)}</p>
          <p class="muted">Correct the address and check again.</p>
        </div>
      );
    case 'failed':
      return (
        <div class="found stack tight" role="status">
          <Badge tone="bad">It does not answer</Badge>
          <p>{failureWords(finding.failure)}</p>
          <p class="muted">Correct the address and check again. You may save it all the same.</p>
        </div>
      );
  }
}

/** What is pasted where an app is registered by hand. */
function OurRedirect({ uri }: { uri: string | null }) {
  return uri ? (
    <div class="stack tight">
      <small>The redirect URI to enter there:</small>
      <Copy text={uri} label="the redirect URI" />
    </div>
  ) : (
    <p class="muted">
      Set this gateway’s own address first, under <a href="/admin/settings">Settings</a>: it is the redirect
      URI to enter there.
    </p>
  );
}

/** How a well-known server is added where someone has to register an app first. */
export function PresetCard({ preset, redirectUri }: { preset: Preset; redirectUri: string | null }) {
  const { name, console_url, notes, source, read_on } = preset;
  return (
    <div class="found stack">
      <ol class="steps">
        <li>
          <a href={console_url ?? source} rel="noreferrer" target="_blank">
            Register an app at {name}
          </a>{' '}
          <small>(opens in another tab)</small>
        </li>
        <li>
          <OurRedirect uri={redirectUri} />
        </li>
        <li>Copy its client ID and client secret into the form below.</li>
      </ol>
      {notes.length > 0 && (
        <details>
          <summary>Good to know about {name}</summary>
          <ul>
            {notes.map((note) => (
              <li>{withCode(note)}</li>
            ))}
          </ul>
          <small>
            As{' '}
            <a href={source} rel="noreferrer" target="_blank">
              {new URL(source).host}
            </a>{' '}
            says it, read on {read_on}.
          </small>
        </details>
      )}
    </div>
  );
}

const NAMES: Readonly<Record<string, string>> = {
  scopes: 'Scopes',
  resource: 'Resource',
};

/** A note with what stands between backticks as it is typed; our own names as the form says them. */
function withCode(note: string) {
  return note
    .split('`')
    .map((part, at) =>
      at % 2 ? (authTypes.get(part)?.words.label ?? NAMES[part] ?? <code>{part}</code>) : part,
    );
}
