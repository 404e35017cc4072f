import { isRawNumber } from './exact';

/** True when two JSON values are the same, whatever the order of members. Numbers kept with their digits are compared by these. */
export function sameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (isRawNumber(one) && isRawNumber(other)) return one.rawJSON === other.rawJSON;
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return false;
  if (Array.isArray(one) !== Array.isArray(other) || isRawNumber(one) || isRawNumber(other)) return false;
  const members = Object.entries(one);
  return (
    members.length === Object.keys(other).length &&
    members.every(
      ([member, value]) =>
        Object.hasOwn(other, member) && sameJson(value, (other as Record<string, unknown>)[member]),
    )
  );
}
