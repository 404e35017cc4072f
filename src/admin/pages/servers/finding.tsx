import { authTypes } from '../../../accounts/auth/index';
import type { PublicServer } from '../../../mcp-client/address-check';
import type { Preset } from '../../../providers/presets';
import { numberOf } from '../../../ui/english';
import { Cut } from '../../../ui/name';
import { Badge, Copy, KindTag } from '../../../ui/parts';
import { hasHeaders, type LookedUp } from '../../api/servers/check';
import { OLDER_WORDS } from '../../api/servers/check-words';
import { toolCount } from '../tool-picker';
import { failureWords } from '../words/failures';

/** What a server wants, beside its name. */
export function FindingBadge({ finding, pasted }: Pick<LookedUp, 'finding' | 'pasted'>) {
  switch (finding.kind) {
    case 'open':
      return <Badge tone="good">{toolCount(finding.tools)} found</Badge>;
    case 'oauth':
      return <Badge tone="good">Needs a sign-in{hasHeaders(pasted) && ' or a header'}</Badge>;
    case 'credentials':
      return <Badge tone="warn">Needs an API key or header</Badge>;
    default:
      return <Badge tone="bad">Not responding</Badge>;
  }
}

/** What a check found at an address, and what follows from it. Nothing is saved by it. */
export function FindingCard(props: LookedUp & { redirectUri: string | null }) {
  const { pasted, address, url, connectionType, finding, redirectUri } = props;
  const info = finding.kind === 'open' && finding.info;
  return (
    <section class="card stack" aria-label="What we found" role="status">
      <dl class="facts">
        <dt>Address</dt>
        <dd>
          <span class="mono">{url}</span> <a href="/admin/servers/new">Change</a>
          {url !== address && (
            <small>
              We found it here, not at <span class="mono">{address}</span>.
            </small>
          )}
          {connectionType === 'sse' && <small>{OLDER_WORDS}</small>}
        </dd>
        {info && (
          <>
            <dt>Calls itself</dt>
            <dd>
              {info.name} {info.version}
            </dd>
          </>
        )}
        <dt>{LABELS[finding.kind]}</dt>
        <dd>
          <Answer {...{ finding, pasted }} />
        </dd>
      </dl>
      {finding.kind === 'open' && finding.tools > 0 && <FirstTools of={finding} />}
      {finding.kind === 'oauth' && !finding.registersItself && <OurRedirect uri={redirectUri} />}
    </section>
  );
}

const LABELS: Readonly<Partial<Record<LookedUp['finding']['kind'], string>>> = {
  open: 'Answered',
  oauth: 'Sign-in',
  credentials: 'Needs',
  failed: 'Problem',
};

function Answer({ finding, pasted }: Pick<LookedUp, 'finding' | 'pasted'>) {
  switch (finding.kind) {
    case 'open':
      return <>in {numberOf(finding.took)} ms, without asking for a sign-in</>;
    case 'oauth':
      return (
        <>
          At <b>{finding.provider}</b>.{' '}
          {hasHeaders(pasted) && 'You pasted a header, so that is selected below. With a sign-in instead: '}
          {finding.registersItself
            ? 'The gateway registers itself there, so there is nothing to enter.'
            : 'The gateway can’t register itself there. Register an app by hand, and enter its client ID below.'}
        </>
      );
    case 'credentials':
      return <>A header, such as an API key. The server’s documentation says which.</>;
    case 'failed':
      return (
        <>
          {finding.failure.reason === 'not_found'
            ? 'Nothing answers at this address. We also tried /mcp and /sse.'
            : failureWords(finding.failure)}{' '}
          You can add it now, and we ask it again later.
        </>
      );
    default:
      return null;
  }
}

const KINDS = { read: 'read-only', write: 'can edit', remove: 'can delete' } as const;

function FirstTools({ of: { kinds, tools, first } }: { of: PublicServer }) {
  const counts = (['read', 'write', 'remove'] as const).filter((kind) => kinds[kind]);
  return (
    <details class="quiet" open>
      <summary>{counts.map((kind) => `${numberOf(kinds[kind])} ${KINDS[kind]}`).join(', ')}</summary>
      <ul class="tools">
        {first.map(({ name, says, does }) => (
          <li>
            <span class="grow">
              <code>
                <Cut of={name} />
              </code>
              <small title={says}>{says}</small>
            </span>
            <KindTag of={does} />
          </li>
        ))}
      </ul>
      {tools > first.length && <small>and {numberOf(tools - first.length)} more</small>}
    </details>
  );
}

/** What is pasted where an app is registered by hand. */
function OurRedirect({ uri }: { uri: string | null }) {
  return uri ? (
    <div class="stack tight">
      <small>Redirect URI to enter there:</small>
      <Copy text={uri} label="the redirect URI" />
    </div>
  ) : (
    <p class="muted">
      First set this gateway’s address under <a href="/admin/settings">Settings</a>. The redirect URI to enter
      there comes from it.
    </p>
  );
}

/** How a known server is added where an app has to be registered first. */
export function PresetCard({ preset, redirectUri }: { preset: Preset; redirectUri: string | null }) {
  const { name, console_url, notes, source, read_on } = preset;
  return (
    <section class="card stack" aria-label="Before you add it">
      <ol class="steps">
        <li>
          <span>
            <a href={console_url ?? source} rel="noreferrer" target="_blank">
              Register an app at {name}
            </a>{' '}
            <small>(opens in another tab)</small>
          </span>
        </li>
        <li>
          <OurRedirect uri={redirectUri} />
        </li>
        <li>
          <span>Copy its client ID and client secret into the form below.</span>
        </li>
      </ol>
      {notes.length > 0 && (
        <details class="quiet">
          <summary>Good to know about {name}</summary>
          <ul>
            {notes.map((note) => (
              <li>{withCode(note)}</li>
            ))}
          </ul>
          <small>
            From{' '}
            <a href={source} rel="noreferrer" target="_blank">
              {new URL(source).host}
            </a>
            , read on {read_on}.
          </small>
        </details>
      )}
    </section>
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
