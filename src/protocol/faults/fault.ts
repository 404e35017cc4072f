import type * as z from 'zod/mini';
import { type Details, type Stated, say } from './wording';
import { FAULT_WORDS } from './words';

/** What is wrong with a value. */
export type ValueFault = Stated<typeof FAULT_WORDS>;
export type FaultReason = ValueFault['reason'];

/** A fault. @param params what its words are made of */
export function fault<R extends FaultReason>(
  reason: R,
  ...[params]: Parameters<(typeof FAULT_WORDS)[R]>
): ValueFault {
  return { reason, params: (params ?? {}) as Details };
}

/** A fault as a schema states it, in place of a message: it is read again by {@link faultIn}, and is nothing to show. */
export function because<R extends FaultReason>(
  reason: R,
  ...params: Parameters<(typeof FAULT_WORDS)[R]>
): string {
  return MARK + JSON.stringify(fault(reason, ...params));
}

const MARK = 'fault:';

type Issue = z.core.$ZodIssue;

/**
 * What a schema found wrong: what it states itself, or what zod's code says. zod's own words are read nowhere.
 * @param issue of a schema that was asked with `reportInput`, which tells a missing member from a wrong one
 */
export function faultIn(issue: Issue | undefined): ValueFault {
  if (!issue) return fault('not_acceptable');
  if (issue.message.startsWith(MARK)) return JSON.parse(issue.message.slice(MARK.length));
  if ('input' in issue && issue.input === undefined) return fault('required');
  switch (issue.code) {
    case 'invalid_type':
      return fault(TYPES.get(issue.expected) ?? 'not_acceptable');
    case 'too_small':
      return tooSmall(issue.origin, Number(issue.minimum));
    case 'too_big':
      return tooBig(issue.origin, Number(issue.maximum));
    case 'invalid_value':
      return fault('not_one_of', { options: issue.values.map(String).join(', ') });
    case 'invalid_key':
    case 'invalid_element':
      return faultIn(issue.issues[0]);
    default:
      return fault('not_acceptable');
  }
}

type TypeReason = 'not_text' | 'not_number' | 'not_whole' | 'not_boolean' | 'not_list' | 'not_object';

/** By the name zod has for a type. */
const TYPES: ReadonlyMap<string, TypeReason> = new Map([
  ['string', 'not_text'],
  ['number', 'not_number'],
  ['int', 'not_whole'],
  ['boolean', 'not_boolean'],
  ['array', 'not_list'],
  ['object', 'not_object'],
  ['record', 'not_object'],
]);

function tooSmall(origin: string, least: number): ValueFault {
  if (origin === 'string') return least === 1 ? fault('empty') : fault('too_short', { least });
  return origin === 'array' ? fault('too_few', { least }) : fault('too_little', { least });
}

function tooBig(origin: string, most: number): ValueFault {
  if (origin === 'string') return fault('too_long', { most });
  return origin === 'array' ? fault('too_many', { most }) : fault('too_much', { most });
}

/** A fault in words for developers: it continues a sentence that begins with the member at fault. */
export function faultWords(known: ValueFault): string {
  return say(FAULT_WORDS, known);
}
