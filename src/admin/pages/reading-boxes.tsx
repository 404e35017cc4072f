import type { ReadingTerms } from '../../protocol/mcp-config';
import { cut } from '../../ui/name';
import type { FormFields } from './api';

type BoxesProps = {
  /** The server; null where a form is about one. */
  name: string | null;
  /** Whether all its tools are chosen, from which follows what is not said. */
  isAll: boolean;
  terms: ReadingTerms;
  /** The form as it was sent, to be shown again. */
  sent?: FormFields | undefined;
};

/**
 * Whether a server's resources and prompts go with its tools. A box that is left as it was says nothing: then they go with all
 * of its tools, whatever is chosen beside it. What it was is sent along.
 */
export function ReadingBoxes({ name, isAll, terms, sent }: BoxesProps) {
  const of = name === null ? '' : `.${name}`;
  const box = { isAll, server: name, sent };
  return (
    <div class="row">
      <Box {...box} name={`allow_resources${of}`} said={terms.allow_resources}>
        Resources
      </Box>
      <Box {...box} name={`allow_prompts${of}`} said={terms.allow_prompts}>
        Prompts
      </Box>
      <small>By default they’re on with all tools, and off with selected tools.</small>
    </div>
  );
}

type BoxProps = {
  name: string;
  said: boolean | null | undefined;
  isAll: boolean;
  server: string | null;
  sent: FormFields | undefined;
  children: string;
};

function Box({ name, said, isAll, server, sent, children }: BoxProps) {
  const isTicked = said ?? isAll;
  const was = `was.${name}`;
  const before = sent?.get(was);
  const isChanged = sent !== undefined && sent.has(name) !== before?.startsWith('on');
  const stored = `${isTicked ? 'on' : 'off'}${typeof said === 'boolean' ? '!' : ''}`;
  return (
    <label class="check">
      <input type="checkbox" name={name} value="on" checked={isChanged ? sent.has(name) : isTicked} />
      <input type="hidden" name={was} value={(isChanged && before) || stored} />
      <span>
        {children}
        {server !== null && <span class="unseen"> of {cut(server)}</span>}
      </span>
    </label>
  );
}

/**
 * What the {@link ReadingBoxes} of a form say, null what follows from the tools.
 * @param of what follows the names of the boxes @param isAll whether all tools are chosen on the form
 */
export function readingIn(form: FormFields, of: string, isAll: boolean): Required<ReadingTerms> {
  const said = (name: string): boolean | null => {
    const [, was, isSaid] = /^(on|off)(!?)$/.exec(form.get(`was.${name}`) ?? '') ?? [];
    const isTicked = form.get(name) === 'on';
    if (!isSaid && isTicked === (was === 'on')) return null;
    return isTicked === isAll ? null : isTicked;
  };
  return { allow_resources: said(`allow_resources${of}`), allow_prompts: said(`allow_prompts${of}`) };
}
