import type { Child } from 'hono/jsx';
import { newOnceValue } from '../protocol/once-value';
import { Head } from './parts';

/**
 * What every form of a signed-in browser carries: what another site cannot know, and its once-value (SECURITY 21, 32).
 * @param seen what the form was made of, where it changes that
 */
export function Csrf({ value, seen }: { value: string; seen?: string }) {
  return (
    <>
      <input type="hidden" name="csrf" value={value} />
      {seen && <input type="hidden" name="seen" value={seen} />}
      <Once />
      <Plain />
    </>
  );
}

/** By which a form takes effect once (SECURITY 32). */
export function Once() {
  return <input type="hidden" name="once" value={newOnceValue()} />;
}

/** Says that a browser without a script sends the form: its answer is one it can come back to (`kept-pages`). */
export function Plain() {
  return (
    <noscript>
      <input type="hidden" name="plain" />
    </noscript>
  );
}

type DockProps = {
  text?: string;
  busy?: string;
  /** What the button is sent as, where a form has several. */
  named?: { name: string; value: string };
  /** Where the way back leads. */
  back?: string;
  cancel?: string;
  children?: Child;
};

/** The end of a long form, which stays in sight. */
export function Dock(props: DockProps) {
  const { text = 'Save changes', busy = 'Saving…', named, back, cancel = 'Cancel', children } = props;
  return (
    <div class="dock">
      <div class="actions">
        <button type="submit" class="button primary" {...named} data-busy={busy}>
          {text}
        </button>
        {back && (
          <a class="button" href={back}>
            {cancel}
          </a>
        )}
        {children}
      </div>
    </div>
  );
}

type Confirmation = {
  title: Child;
  /** The pages above it. */
  crumbs?: readonly { href: string; text: Child }[];
  /** What will happen, named. */
  children?: Child;
  action: string;
  /** Verb and name, and what it says while it goes on. */
  button: string;
  busy?: string;
  back: string;
  csrf: string;
};

/** A page of its own for what cannot be undone. */
export function Confirm({ title, crumbs, children, action, button, busy, back, csrf }: Confirmation) {
  return (
    <>
      <Head title={title} {...(crumbs && { crumbs })} />
      <form class="card stack" method="post" action={action}>
        {children}
        <Csrf value={csrf} />
        <div class="actions">
          <button type="submit" class="button danger primary" data-busy={busy}>
            {button}
          </button>
          <a class="button" href={back}>
            Keep it
          </a>
        </div>
      </form>
    </>
  );
}
