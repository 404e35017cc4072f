/** What a client reads in answer to a POST: JSON, an event stream, or whichever comes (PROTOCOL §3). */
export type AnswerForm = 'json' | 'events' | 'either';

/** What was read last: a client says the same with every request, and most say what others do. */
let last: { accept: string | null; form: AnswerForm } | null = null;

/** The form that `Accept` allows. Clients that name neither type get JSON, which every client reads. */
export function answerFormOf(accept: string | null): AnswerForm {
  if (last?.accept !== accept || !last) last = { accept, form: formOf(accept) };
  return last.form;
}

function formOf(accept: string | null): AnswerForm {
  const ranges = (accept ?? '').toLowerCase().split(',').map(rangeOf).filter(Boolean);
  const isNamed = (type: string) => ranges.includes(type);
  const readsEvents = isNamed('text/event-stream');
  if (!ranges.length || isNamed('*/*') || (readsEvents && isNamed('application/json'))) return 'either';
  return readsEvents ? 'events' : 'json';
}

/** The type of a media range, empty for one of weight 0 (RFC 9110 §12.5.1). */
function rangeOf(range: string): string {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
  return parameters.some((parameter) => /^q\s*=\s*0(\.0*)?$/.test(parameter)) ? '' : type;
}
