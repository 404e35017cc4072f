import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import { type App, gatewayOf } from '../../config';
import { ask } from '../../database';
import { namesHoldingQuestion, type ServerChoice } from '../../servers/summaries';
import { countOf } from '../../ui/english';
import { fragment } from '../../ui/layout';
import { cut } from '../../ui/name';
import { described, Field } from '../../ui/parts';
import { labelOf, type PickerState } from './picked';

/** Servers that are suggested before anything is typed, and what a text may mean. */
const SUGGESTED = 200;
const MOST_FOUND = 20;

type StepProps = {
  /** What the step is, and of what. */
  value: string;
  /** The id where the page is shown again; undefined: where something has the focus. */
  to?: string;
  look?: string;
  /** The server, for whom the words alone do not say it. */
  of?: string;
  children: Child;
};

/** A button that takes one step of a form and saves nothing. */
export function Step({ value, to, look = '', of, children }: StepProps) {
  return (
    <button
      type="submit"
      class={`button small ${look}`.trim()}
      name="again"
      value={value}
      formnovalidate
      formaction={to && `#${to}`}
    >
      {children}
      {of && <span class="unseen"> of {cut(of)}</span>}
    </button>
  );
}

/** What finds a server or a tool by any part of its name, and adds it. */
export function AddServer({ state, others }: { state: PickerState; others: readonly ServerChoice[] }) {
  const { typed, found, added } = state;
  const error = typed && !found.length ? `No server or tool matches “${typed}”.` : undefined;
  return (
    <>
      <Field name="add" label="Add a server" error={error}>
        <div class="unit">
          <input
            class="input grow"
            list="pick-names"
            autocomplete="off"
            placeholder="Type a server or tool name"
            value={typed}
            data-suggest="/admin/tools"
            {...described('add', { error })}
            autofocus={typed !== ''}
          />
          <datalist id="pick-names">
            {others.slice(0, SUGGESTED).map(({ name }) => (
              <option value={name} />
            ))}
          </datalist>
          <button type="submit" class="button" name="again" value="add" formnovalidate data-busy="Adding…">
            Add
          </button>
        </div>
      </Field>
      {added !== null && (
        <small role="status">
          {labelOf(added)} {added.isNew ? 'was added. Save to keep it.' : 'is here already.'}
        </small>
      )}
      {found.length > 0 && (
        <div class="stack tight" role="status">
          <small>
            {countOf(found.length, 'match', 'matches')} for “{typed}”
            {found.length > MOST_FOUND && `. The first ${MOST_FOUND}:`}
          </small>
          <ul class="list" aria-label="What was found">
            {found.slice(0, MOST_FOUND).map((one) => (
              <li>
                <span class="grow">
                  <b>{one.server.name}</b> {one.tool ? <code>{one.tool}</code> : <small>all tools</small>}
                </span>
                <Step value={`add.${labelOf(one)}`} of={labelOf(one)}>
                  Add
                </Step>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

/** The names that a text may mean, as options of the field it is typed in. */
export async function suggestNames(c: Context<App>): Promise<Response> {
  const [names] = await ask(c.env.DB, namesHoldingQuestion(c.env.DB, c.req.query('search') ?? ''));
  return fragment(gatewayOf(c), names.map((name) => <option value={name} />).join(''));
}
