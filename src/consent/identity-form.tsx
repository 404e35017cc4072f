import type { Child } from 'hono/jsx';
import { ClientAvatar } from '../clients/avatar';
import type { Flow } from '../flows';
import { identityModes, modeOf } from '../identity';
import type { Identity, IdentityMode } from '../identity/mode';
import { providerHost } from '../identity/provider';
import type { Settings } from '../settings';
import { GatewayAvatar, Meet } from '../ui/avatar';
import { Plain } from '../ui/forms';
import { cut, Name } from '../ui/name';
import { Input, Notice } from '../ui/parts';
import { About, Unverified } from './about';
import { clientOf, consentPath } from './step';

/** What every form of a flow carries: the flow, its unguessable value, and what the last step has to say. */
export type FlowForm = {
  flowId: string;
  value: string;
  notice: string | undefined;
  chosen: string | undefined;
  flow: Flow;
  name: string;
};

type IdentityFormProps = FlowForm & { settings: Settings; remembered: Identity | null };

/** A way to say who one is: the value of `identity`, and its mode. */
type WayIn = [wire: string, mode: IdentityMode];

/** First step: who are you? A form for each way, so that Enter means the field it is pressed in. */
export function IdentityForm(props: IdentityFormProps) {
  const { flow, name, settings, remembered, notice, chosen } = props;
  const modes = [...identityModes];
  const open = modes.filter(([, mode]) => mode.unavailable(settings) === null);
  const ways = [
    ...open.filter(([, { isSignedIn }]) => isSignedIn),
    ...open.filter(([, mode]) => !mode.isSignedIn),
  ];
  const missing = remembered ? [] : modes.map(([, mode]) => mode.unavailable(settings)).filter(Boolean);
  const isAtField = !remembered && ways.some(([wire, { typed }]) => typed && wire === chosen);
  return (
    <div class="card stack wide">
      <div class="stack center">
        <Meet from={<ClientAvatar of={clientOf(flow)} isLarge />} to={<GatewayAvatar />} />
        <h1>
          <Name of={name} /> wants to use your tools
        </h1>
      </div>
      <About flow={flow} />
      <Unverified flow={flow} />
      {notice && !isAtField && <Notice bad>{notice}</Notice>}
      {remembered ? <Remembered {...props} identity={remembered} /> : <Ways {...props} ways={ways} />}
      {missing.map((reason) => (
        <small>{reason}</small>
      ))}
    </div>
  );
}

function Remembered({ identity, ...form }: FlowForm & { identity: Identity }) {
  const used = modeOf(identity.subject);
  const [wire = ''] = [...identityModes].find(([, mode]) => mode === used) ?? [];
  return (
    <>
      <FlowFormElement {...form} step="identity" id="first" look="stack">
        <input type="hidden" name="identity" value={wire} />
        <input type="hidden" name="remembered" value="on" />
        <button type="submit" class="button primary big" name="decision" value="continue">
          <span class="grow">Continue as {cut(identity.name)}</span>
        </button>
      </FlowFormElement>
      <a class="center" href={`${consentPath(form)}&use=another`}>
        Use someone else
      </a>
      <Deny />
    </>
  );
}

type WaysProps = IdentityFormProps & { ways: WayIn[] };

/** The first way as what the page is for, the others folded; one whose proof was refused is open. */
function Ways({ ways: [first, ...others], ...props }: WaysProps) {
  if (!first) return <Deny />;
  const isTyped = first[1].typed !== null;
  return (
    <>
      <WayForm {...props} way={first} isFirst />
      {others.length > 0 && <div class="or">or</div>}
      {others.map((way) => (
        <details class="quiet" open={way[0] === props.chosen}>
          <summary>{way[1].label(props.settings)}</summary>
          <WayForm {...props} way={way} />
        </details>
      ))}
      {!isTyped && <Deny />}
    </>
  );
}

function WayForm({
  way: [wire, mode],
  isFirst = false,
  ...props
}: IdentityFormProps & { way: WayIn; isFirst?: boolean }) {
  const { settings, chosen, notice } = props;
  const error = wire === chosen ? notice : undefined;
  const isBig = isFirst && !mode.typed;
  return (
    <FlowFormElement {...props} step="identity" look="stack" id={isFirst ? 'first' : undefined}>
      <input type="hidden" name="identity" value={wire} />
      <TypedField mode={mode} notice={error} focus={isFirst || error !== undefined} />
      {!mode.typed && mode.hint && <p class="small muted">{mode.hint}</p>}
      <div class={isFirst && mode.typed ? 'decide' : isBig ? undefined : 'actions'}>
        <button
          type="submit"
          class={isFirst ? `button primary${isBig ? ' big' : ''}` : 'button'}
          name="decision"
          value="continue"
          data-busy={busyWord(mode, settings)}
        >
          {isFirst && mode.typed ? 'Continue' : (mode.button ?? mode.label(settings))}
        </button>
        {isFirst && mode.typed && <DenyButton />}
      </div>
    </FlowFormElement>
  );
}

function busyWord(mode: IdentityMode, settings: Settings): string | undefined {
  if (mode.isSignedIn) return `Opening ${providerHost(settings)}…`;
  return mode.typed ? 'Checking…' : undefined;
}

/** Where a person types what a mode is proved by; nothing for a mode that takes nothing typed. */
export function TypedField({
  mode,
  notice,
  focus,
}: {
  mode: IdentityMode | null;
  notice: string | undefined;
  focus: boolean;
}) {
  if (!mode?.typed) return null;
  const { field, label } = mode.typed;
  return (
    <Input
      name={field}
      label={label}
      type="password"
      mono
      required
      hint={mode.hint}
      error={notice}
      autocomplete="off"
      autocapitalize="off"
      spellcheck={false}
      autofocus={focus}
    />
  );
}

type FormProps = {
  flowId: string;
  value: string;
  step: 'identity' | 'services';
  look: string;
  id?: string | undefined;
  children?: Child;
};

/** A form of a flow. The browser restores no ticks on it: without the tools that were loaded beside them they would say more. */
export function FlowFormElement({ flowId, value, step, look, id, children }: FormProps) {
  return (
    <form class={look} method="post" action={consentPath({ flowId })} id={id} autocomplete="off">
      <input type="hidden" name="flow_id" value={flowId} />
      <input type="hidden" name="form" value={value} />
      <input type="hidden" name="step" value={step} />
      <Plain />
      {children}
    </form>
  );
}

/** Beside what is typed. It comes after Continue in the document, so that Enter in a field never means Deny. */
export function DenyButton() {
  return (
    <button type="submit" class="button" name="decision" value="deny" formnovalidate>
      Deny
    </button>
  );
}

/** Under several ways: it belongs to the first form. */
function Deny() {
  return (
    <>
      <hr class="rule" />
      <button type="submit" class="button" form="first" name="decision" value="deny" formnovalidate>
        Deny
      </button>
    </>
  );
}
