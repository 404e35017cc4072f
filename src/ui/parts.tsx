import type { Child } from 'hono/jsx';
import { withAddresses } from './address';
import { numberOf, relativeTimes } from './english';
import { type Glyph, Icon } from './icons';
import type { Way } from './layout';

/** How well something stands: always word, shape and colour. */
export type Tone = 'good' | 'warn' | 'bad' | 'off' | 'info';

export function Badge({ tone, children }: { tone: Tone; children?: Child }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const STEPS: readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
];
/** Beyond this a time is told as its day. Seconds. */
const NEAR = 7 * 86_400;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/**
 * When `at` is (RFC 3339), with the exact time beneath. Null: `never`. What lies ahead is told as how long until then.
 * @param isExact the minute, in UTC: the head of its column says so
 */
export function When({
  at,
  never = 'never',
  isExact = false,
}: {
  at: string | null | undefined;
  never?: string;
  isExact?: boolean;
}) {
  if (!at) return <>{never}</>;
  const exact = at.slice(0, 16).replace('T', ' ');
  return (
    <time datetime={at} title={`${exact} UTC`}>
      {isExact ? exact : nearOf(at)}
    </time>
  );
}

/** `2 minutes ago`, `in 14 days`, `12 Nov`, `12 Nov 2025`. */
function nearOf(at: string): string {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  if (seconds < -NEAR) return dayOf(at);
  const [size, unit] = STEPS.find(([size]) => Math.abs(seconds) >= size) ?? [1, null];
  if (unit === null) return seconds > 0 ? 'in a moment' : 'just now';
  return relativeTimes().format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit);
}

/** `12 Nov`; of another year `12 Nov 2025`. */
export function dayOf(at: string): string {
  const [year = '', month = '', day = ''] = at.slice(0, 10).split('-');
  const isThisYear = year === String(new Date().getUTCFullYear());
  return `${Number(day)} ${MONTHS[Number(month) - 1]}${isThisYear ? '' : ` ${year}`}`;
}

/** When an app last refreshed its access. The index notes that once an hour, so the words are no finer. */
export function LastUse({ at, never }: { at: string | null | undefined; never?: string | undefined }) {
  const isRecent = at && Date.parse(at) > Date.now() - 3_600_000;
  return isRecent ? <>in the last hour</> : <When at={at} never={never ?? 'never'} />;
}

const NOTICES = { info: 'info', done: 'check', warn: 'warn', bad: 'error' } as const satisfies Record<
  string,
  Glyph
>;

type NoticeProps = {
  /** `done`: what was asked for has happened; `warn`: think first; `bad`: it failed. */
  tone?: keyof typeof NOTICES;
  bad?: boolean;
  /** One thing to do about it: a button or a form. */
  action?: Child;
  children?: Child;
};

/** Something a page says: what became of the last thing someone did, or what to know first. */
export function Notice({ tone = 'done', bad, action, children }: NoticeProps) {
  const said = bad ? 'bad' : tone;
  return (
    <div class={said === 'info' ? 'notice' : `notice ${said}`} role={said === 'bad' ? 'alert' : 'status'}>
      <Icon of={NOTICES[said]} />
      <span>{children}</span>
      {action}
    </div>
  );
}

type HeadProps = {
  title: Child;
  /** The pages above this one. */
  crumbs?: readonly { href: string; text: Child }[];
  avatar?: Child;
  badge?: Child;
  actions?: Child;
  /** What the page is for, in a sentence. */
  lead?: Child;
  tabs?: { label: string; ways: readonly Way[] };
};

/** The head of a page. */
export function Head({ title, crumbs, avatar, badge, actions, lead, tabs }: HeadProps) {
  return (
    <header class="head">
      {crumbs && (
        <nav class="crumbs" aria-label="Breadcrumb">
          {crumbs.map(({ href, text }) => (
            <>
              <a href={href}>{text}</a>{' '}
            </>
          ))}
        </nav>
      )}
      <div class="title">
        {avatar}
        <h1>{title}</h1>
        {badge}
      </div>
      {actions && <div class="actions">{actions}</div>}
      {lead && <p class="lead">{lead}</p>}
      {tabs && <Tabs {...tabs} />}
    </header>
  );
}

const KINDS = {
  read: ['', 'Read-only'],
  write: [' write', 'Can edit'],
  remove: [' delete', 'Can delete'],
} as const;

/** What a tool does, as its server says of it. */
export function KindTag({ of }: { of: keyof typeof KINDS }) {
  const [look, word] = KINDS[of];
  return (
    <span class={`tag${look}`}>
      <Icon of={of} />
      {word}
    </span>
  );
}

type FieldProps = {
  name: string;
  label: Child;
  hint?: Child;
  error?: string | undefined;
  isOptional?: boolean;
  children?: Child;
};

/** A labelled control; `children` is the control, with `id` and `aria-describedby` as {@link described} gives them. */
export function Field({ name, label, hint, error, isOptional, children }: FieldProps) {
  return (
    <div class="field">
      <label for={name}>
        {label}
        {isOptional && (
          <>
            {' '}
            <small>optional</small>
          </>
        )}
      </label>
      {children}
      <FieldError name={name} error={error} />
      {hint && <small id={`${name}-hint`}>{hint}</small>}
    </div>
  );
}

/** What is wrong with what a control holds, below it. */
export function FieldError({ name, error }: { name: string; error: string | undefined }) {
  if (!error) return null;
  return (
    <span class="error" id={`${name}-error`} role="alert">
      <Icon of="error" />
      {error}
    </span>
  );
}

/** What ties a control to its label, hint and error. */
export function described(name: string, { hint, error }: { hint?: unknown; error?: string | undefined }) {
  const by = [error && `${name}-error`, hint && `${name}-hint`].filter(Boolean).join(' ');
  return {
    id: name,
    name,
    'aria-describedby': by || undefined,
    'aria-invalid': error ? ('true' as const) : undefined,
    autofocus: error ? true : undefined,
  };
}

type InputProps = Omit<FieldProps, 'children'> & {
  value?: string | undefined;
  type?: 'text' | 'url' | 'password' | 'number' | 'datetime-local' | 'search';
  required?: boolean;
  mono?: boolean;
  [attribute: string]: unknown;
};

/** A labelled line of text. */
export function Input(props: InputProps) {
  const { name, label, hint, error, isOptional = false, value, type = 'text', mono, ...rest } = props;
  return (
    <Field name={name} label={label} hint={hint} error={error} isOptional={isOptional}>
      <input
        class={mono ? 'input mono' : 'input'}
        type={type}
        value={value}
        {...described(name, { hint, error })}
        {...rest}
      />
    </Field>
  );
}

type CopyProps = {
  text: string;
  /** What it is, as in `Copy the server address`. */
  label: string;
  /** True for a secret that is shown once. */
  isOnce?: boolean;
};

/** Text to copy, whole when it is selected; with JavaScript by a button. */
export function Copy({ text, label, isOnce }: CopyProps) {
  const looks = ['copy', text.includes('\n') && 'lines', isOnce && 'once'];
  return (
    <div class={looks.filter(Boolean).join(' ')}>
      <code>{withAddresses(text)}</code>
      <button type="button" class="button small scripted" data-copy={text} aria-label={`Copy ${label}`}>
        <Icon of="copy" />
        Copy
      </button>
    </div>
  );
}

/** What there is to do where nothing is yet. `children`: a sentence, then a row of buttons. */
export function Empty({ title, glyph, children }: { title: string; glyph?: Glyph; children?: Child }) {
  return (
    <div class="empty">
      {glyph && <Icon of={glyph} />}
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** `beside`: what stands in its form without narrowing the list. */
type SearchProps = { label: string; value: string; beside?: Child; children?: Child };

/** What finds things in a list, by what they hold anywhere. `children`: other filters beside it. */
export function Search({ label, value, beside, children }: SearchProps) {
  return (
    <search>
      <form class="filters">
        <label class="search">
          <Icon of="search" />
          <span class="unseen">{label}</span>
          <input class="input" type="search" name="search" value={value} placeholder={label} />
        </label>
        {children}
        {beside}
        <button type="submit" class="button">
          {children ? 'Filter' : 'Search'}
        </button>
      </form>
    </search>
  );
}

/** Narrows a list that is on the page already to what holds the words typed: with JavaScript only. */
export function Filter({ list, label }: { list: string; label: string }) {
  return (
    <label class="search grow scripted">
      <Icon of="search" />
      <span class="unseen">{label}</span>
      <input
        class="input"
        type="search"
        data-filter={list}
        aria-controls={list}
        placeholder={label}
        autocomplete="off"
      />
    </label>
  );
}

/** The way to what the audit has of one thing. @param of what the audit's filter calls it: toolsets are `server`, too */
export function AuditLink({ of, id }: { of: 'server' | 'key' | 'app' | 'person'; id: string }) {
  return (
    <a class="small" href={`/admin/audit?${new URLSearchParams({ [of]: id })}`}>
      See in the audit log
    </a>
  );
}

/** The parts of one thing, each at an address of its own. */
export function Tabs({ label, ways }: { label: string; ways: readonly Way[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {ways.map(({ href, text, isHere, count }) => (
        <a href={href} aria-current={isHere ? 'page' : undefined}>
          {text}
          {count !== undefined && <span class="num">{numberOf(count)}</span>}
        </a>
      ))}
    </nav>
  );
}
