import { type JsonObject, metaOf } from './mcp';

/** What follows a request through systems: W3C Trace Context and Baggage, in headers as in `_meta` (PROTOCOL §3). */
const MEMBERS = ['traceparent', 'tracestate', 'baggage'] as const;
type Trace = { [Member in (typeof MEMBERS)[number]]?: string };

/** Version 00 (Trace Context §3.2.2): a trace and a parent, neither of zeros only. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Of a request without a trace. They are not to be changed. */
export const NO_HEADERS = new Headers();

const MOST_STATE = 512;
const MOST_ENTRIES = 32;
/** An entry of `tracestate` (§3.3.1.3): a name, of a tenant maybe, and a value of printable characters without `,` and `=`. */
const ENTRY =
  /^((?:[a-z][a-z0-9_\-*/]{0,255})|(?:[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}))=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

const MOST_BAGGAGE = 8192;
const MOST_BAGGAGE_MEMBERS = 64;
/** A member of `baggage` (W3C Baggage §3.2): a token, a value, and properties. Blanks can be read in one way only. */
const BAGGAGE_MEMBER =
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[ \t]*(?:[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+[ \t]*)?(?:;[\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e\t]*)?$/;

/**
 * What of a request's trace goes on to a server: header to header, `_meta` to `_meta`, one made from the other where only one
 * is there. What is malformed counts as not sent.
 * @param isBaggageWanted whether the server takes `baggage`, which can say anything of anyone
 */
export function tracePassedOn(
  headers: Headers,
  meta: JsonObject,
  isBaggageWanted: boolean,
): { headers: Headers; meta: Trace } {
  const ofHeaders = traceIn((member) => headers.get(member), isBaggageWanted);
  const ofMeta = traceIn((member) => meta[member], isBaggageWanted);
  const passed = (own: Trace, other: Trace): Trace => {
    const { traceparent, tracestate } = own.traceparent ? own : other;
    const baggage = own.baggage ?? other.baggage;
    return {
      ...(traceparent && { traceparent }),
      ...(tracestate && { tracestate }),
      ...(baggage && { baggage }),
    };
  };
  const inHeaders = passed(ofHeaders, ofMeta);
  const isNone = !inHeaders.traceparent && !inHeaders.baggage;
  return { headers: isNone ? NO_HEADERS : new Headers(inHeaders), meta: passed(ofMeta, ofHeaders) };
}

/**
 * The id of the trace that a request is part of: 32 hex digits, of its headers or else of its `_meta`. Undefined: neither has a
 * `traceparent` that is well-formed.
 */
export function traceIdOf(headers: Headers, meta: JsonObject = {}): string | undefined {
  const ofHeaders = headers.get('traceparent');
  const traceparent = isParent(ofHeaders) ? ofHeaders : meta.traceparent;
  return isParent(traceparent) ? traceparent.slice(3, 35) : undefined;
}

/** Params whose `_meta` holds `trace`, and no other. */
export function withTrace(params: JsonObject, trace: Trace): JsonObject {
  if (params._meta === undefined && !Object.keys(trace).length) return params;
  const others = Object.entries(metaOf(params)).filter(
    ([member]) => !(MEMBERS as readonly string[]).includes(member),
  );
  return { ...params, _meta: { ...Object.fromEntries(others), ...trace } };
}

/** What is well-formed of a trace. The state of vendors is about a parent: without one it says nothing (§3.3). */
function traceIn(said: (member: string) => unknown, isBaggageWanted: boolean): Trace {
  const [traceparent, tracestate, baggage] = MEMBERS.map(said);
  const trace: Trace = {};
  if (isParent(traceparent)) {
    trace.traceparent = traceparent;
    if (typeof tracestate === 'string' && isState(tracestate)) trace.tracestate = tracestate;
  }
  if (isBaggageWanted && typeof baggage === 'string' && isBaggage(baggage)) trace.baggage = baggage;
  return trace;
}

function isParent(traceparent: unknown): traceparent is string {
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent);
}

function isState(state: string): boolean {
  if (state.length > MOST_STATE) return false;
  const entries = partsOf(state);
  const names = entries.map((entry) => ENTRY.exec(entry)?.[1]);
  return (
    entries.length > 0 &&
    entries.length <= MOST_ENTRIES &&
    new Set(names).size === names.length &&
    names.every(Boolean)
  );
}

function isBaggage(baggage: string): boolean {
  if (baggage.length > MOST_BAGGAGE) return false;
  const members = partsOf(baggage);
  return (
    members.length > 0 &&
    members.length <= MOST_BAGGAGE_MEMBERS &&
    members.every((member) => BAGGAGE_MEMBER.test(member))
  );
}

/** The members of a list; empty ones are none. */
function partsOf(list: string): string[] {
  return list.split(',').map(withoutBlanks).filter(Boolean);
}

/** By index: a pattern for blanks at the end looks from each of them to the last. */
function withoutBlanks(part: string): string {
  const isBlank = (at: number) => part[at] === ' ' || part[at] === '\t';
  let [from, to] = [0, part.length];
  while (from < to && isBlank(from)) from++;
  while (to > from && isBlank(to - 1)) to--;
  return part.slice(from, to);
}
