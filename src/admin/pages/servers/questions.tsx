import * as z from 'zod/mini';
import { open, seal } from '../../../crypto/secrets';
import type { AskedInput, RunPlace } from '../../../mcp-client/run-tool';
import { parseExact } from '../../../protocol/json/exact';
import type { JsonObject } from '../../../protocol/mcp';
import { tuple } from '../../../protocol/params';
import { Csrf } from '../../../ui/forms';
import type { FormFields } from '../api';
import { SchemaFields } from './schema-fields';
import { argumentsIn, fieldsOf } from './schema-form';

/** A run that waits for answers: what was entered and sent, what is asked, and where it goes on. */
export type OpenRun = { entered: string; args: JsonObject; requests: AskedInput[]; place: RunPlace };

/** The field of a form that holds one, sealed for a server, a tool and the one who runs it. */
export const RUN_FIELD = 'run';
/** How long it may be answered. Milliseconds: a held call waits as long (PROTOCOL §4). */
const LIFE = 300_000;
/** Characters. The form may have 256 KiB. */
const MOST = 150_000;
/** What is asked at once. */
const MOST_ASKED = 8;

const Kept = tuple(z.number(), z.custom<OpenRun>());

/** The run, sealed; null: it is too large to be kept in a form. */
export async function sealRun(keys: string, place: string, run: OpenRun): Promise<string | null> {
  const text = JSON.stringify([Date.now() + LIFE, run]);
  return text.length > MOST ? null : seal(keys, `run/${place}`, text);
}

/** The run a form goes on with; null: it has none that is still open. */
export async function openRun(keys: string, place: string, form: FormFields): Promise<OpenRun | null> {
  const opened = await open(keys, `run/${place}`, form.get(RUN_FIELD) ?? '');
  if (opened === null) return null;
  const [until, run] = Kept.parse(parseExact(opened));
  return until > Date.now() ? run : null;
}

/** True when what is asked cannot be answered on a page. */
export function isUnanswerable({ requests }: OpenRun): boolean {
  return requests.length > MOST_ASKED || requests.some(({ method }) => method !== 'elicitation/create');
}

const fieldsAt = ({ params }: AskedInput, at: number) =>
  params.mode === 'url' ? [] : fieldsOf(params.requestedSchema, `answer${at}`);

/** The responses that a form states, by the names of the questions; or what is wrong with which control. */
export function responsesIn(
  { requests }: OpenRun,
  form: FormFields,
): { ok: true; responses: JsonObject } | { ok: false; errors: ReadonlyMap<string, string> } {
  if (form.get('action') !== 'accept') {
    return {
      ok: true,
      responses: Object.fromEntries(requests.map(({ name }) => [name, { action: 'decline' }])),
    };
  }
  const errors = new Map<string, string>();
  const responses = requests.map((request, at): [string, JsonObject] => {
    const entered = argumentsIn(fieldsAt(request, at), (name) => form.getAll(name));
    if (!entered.ok) for (const [name, message] of entered.errors) errors.set(name, message);
    const hasContent = entered.ok && request.params.mode !== 'url';
    return [request.name, { action: 'accept', ...(hasContent && { content: entered.arguments }) }];
  });
  return errors.size ? { ok: false, errors } : { ok: true, responses: Object.fromEntries(responses) };
}

type QuestionsProps = {
  server: string;
  run: OpenRun;
  sealed: string;
  csrf: string;
  /** What was entered and is wrong. */
  sent?: FormFields | undefined;
  errors: ReadonlyMap<string, string>;
};

/** What a tool asks before it goes on, to be answered. */
export function Questions({ server, run, sealed, csrf, sent, errors }: QuestionsProps) {
  return (
    <>
      <h2>{server} asks</h2>
      <form class="stack wide" method="post" action="#result">
        <Csrf value={csrf} />
        <input type="hidden" name={RUN_FIELD} value={sealed} />
        {run.requests.map((request, at) => (
          <div class="stack">
            <p class="described">{String(request.params.message ?? '').slice(0, 4000)}</p>
            {request.params.mode === 'url' ? (
              <Address url={String(request.params.url)} />
            ) : (
              <SchemaFields
                fields={fieldsAt(request, at)}
                sent={sent && ((name) => sent.getAll(name))}
                errors={errors}
              />
            )}
          </div>
        ))}
        <div class="actions">
          <button type="submit" class="button primary" name="action" value="accept" data-busy="Sending…">
            Send answer
          </button>
          <button type="submit" class="button" name="action" value="decline" formnovalidate>
            Decline
          </button>
        </div>
      </form>
    </>
  );
}

/** An address that a server wants opened: no other scheme than those of the web is a link. */
function Address({ url }: { url: string }) {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (!address || !/^https?:$/.test(address.protocol)) return <p class="error">This link isn’t valid.</p>;
  return (
    <div class="stack tight">
      <a class="button" href={address.href} target="_blank" rel="noopener noreferrer">
        Open {address.host}
      </a>
      <small class="mono">{address.href.slice(0, 500)}</small>
      <small>Finish there, then send your answer.</small>
    </div>
  );
}
