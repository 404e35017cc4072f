import type { Child } from 'hono/jsx';
import { newOnceValue } from '../protocol/once-value';

/** What every form of a signed-in browser carries: what another site cannot know, and its once-value (SECURITY 21, 32). */
export function Csrf({ value }: { value: string }) {
  return (
    <>
      <input type="hidden" name="csrf" value={value} />
      <Once />
    </>
  );
}

/** By which a form takes effect once (SECURITY 32). */
export function Once() {
  return <input type="hidden" name="once" value={newOnceValue()} />;
}

type Confirmation = {
  title: Child;
  /** What will happen, named. */
  children?: Child;
  action: string;
  button: string;
  back: string;
  csrf: string;
};

/** A page of its own for what cannot be undone. */
export function Confirm({ title, children, action, button, back, csrf }: Confirmation) {
  return (
    <form class="card stack confirm" method="post" action={action}>
      <h1>{title}</h1>
      {children}
      <Csrf value={csrf} />
      <div class="actions">
        <button type="submit" class="button danger">
          {button}
        </button>
        <a class="button" href={back}>
          Keep it
        </a>
      </div>
    </form>
  );
}
