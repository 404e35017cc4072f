import type { Child } from 'hono/jsx';
import { relativeTimes } from './english';
import type { Way } from './layout';

/** How well something stands: always word, shape and colour. */
export type Tone = 'good' | 'warn' | 'bad' | 'off';

export function Badge({ tone, children }: { tone: Tone; children?: Child }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const STEPS: readonly [seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [31_536_000, 'year'],
  [2_592_000, 'month'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
];

/** How long ago, or how long until, `at` is (RFC 3339), with the exact time beneath. Null: `never`. */
export function When({ at, never = 'never' }: { at: string | null | undefined; never?: string }) {
  if (!at) return <>{never}</>;
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const [size, unit] = STEPS.find(([size]) => Math.abs(seconds) >= size) ?? [1, 'second' as const];
  const text =
    unit === 'second'
      ? seconds > 0
        ? 'in a moment'
        : 'just now'
      : relativeTimes().format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit);
  return (
    <time datetime={at} title={`${at.slice(0, 16).replace('T', ' ')} UTC`}>
      {text}
    </time>
  );
}

/** When an app last refreshed its access. The index notes that once an hour, so the words are no finer. */
export function LastUse({ at, never }: { at: string | null | undefined; never?: string | undefined }) {
  const isRecent = at && Date.parse(at) > Date.now() - 3_600_000;
  return isRecent ? <>in the last hour</> : <When at={at} never={never ?? 'never'} />;
}

/** What happened to the last thing someone did here. */
export function Notice({ bad, children }: { bad?: boolean; children?: Child }) {
  return (
    <p class={bad ? 'notice bad' : 'notice done'} role={bad ? 'alert' : 'status'}>
      {children}
    </p>
  );
}

type FieldProps = { name: string; label: string; hint?: Child; error?: string | undefined; children?: Child };

/** A labelled control; `children` is the control, with `id` and `aria-describedby` as {@link described} gives them. */
export function Field({ name, label, hint, error, children }: FieldProps) {
  return (
    <div class="field" data-error={error ? '' : undefined}>
      <label for={name}>{label}</label>
      {children}
      {error && (
        <span class="error" id={`${name}-error`} role="alert">
          {error}
        </span>
      )}
      {hint && <small id={`${name}-hint`}>{hint}</small>}
    </div>
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
export function Input({ name, label, hint, error, value, type = 'text', mono, ...rest }: InputProps) {
  return (
    <Field name={name} label={label} hint={hint} error={error}>
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

/** A line to copy, whole when it is selected; with JavaScript by a button. */
export function Copy({ text, label }: { text: string; label: string }) {
  return (
    <div class="copy">
      <code>{text}</code>
      <button type="button" class="button small scripted" data-copy={text} aria-label={`Copy ${label}`}>
        Copy
      </button>
    </div>
  );
}

/** What there is to do where nothing is yet. */
export function Empty({ title, children }: { title: string; children?: Child }) {
  return (
    <div class="card stack tight empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Finds things in a list by what they begin with. */
export function Search({ label, value }: { label: string; value: string }) {
  return (
    <search>
      <form class="row">
        <input
          class="input"
          type="search"
          name="search"
          value={value}
          aria-label={label}
          placeholder={label}
        />
        <button type="submit" class="button">
          Search
        </button>
      </form>
    </search>
  );
}

/** Narrows a list that is on the page already to what holds the words typed: with JavaScript only. */
export function Filter({ list, label }: { list: string; label: string }) {
  return (
    <input
      class="input scripted"
      type="search"
      data-filter={list}
      aria-label={label}
      aria-controls={list}
      placeholder={label}
      autocomplete="off"
    />
  );
}

/** The parts of one thing, each at an address of its own. */
export function Tabs({ label, ways }: { label: string; ways: Way[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {ways.map(({ href, text, isHere }) => (
        <a href={href} aria-current={isHere ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}

export type Column = { name: string; isNumber?: boolean; isHidden?: boolean };

/** A table whose rows become cards on a narrow page: each cell of `Row` says its column. */
export function Table({ label, columns, children }: { label: string; columns: Column[]; children?: Child }) {
  return (
    <div class="table">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isHidden }) => (
              <th scope="col" class={isNumber ? 'num' : undefined}>
                {isHidden ? <span class="unseen">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

type PagerProps = {
  total: number;
  offset: number;
  limit: number;
  count: number;
  href: (offset: number) => string;
};

/** Where in a list this page stands, and the ways on. */
export function Pager({ total, offset, limit, count, href }: PagerProps) {
  const shown = (n: number) => n.toLocaleString('en');
  return (
    <div class="row spread">
      <small>
        {count
          ? `${shown(offset + 1)} to ${shown(offset + count)} of ${shown(total)}`
          : `0 of ${shown(total)}`}
      </small>
      <span class="row">
        {offset > 0 && (
          <a class="button small" href={href(Math.max(0, offset - limit))}>
            Previous
          </a>
        )}
        {offset + count < total && (
          <a class="button small" href={href(offset + limit)}>
            Next
          </a>
        )}
      </span>
    </div>
  );
}
