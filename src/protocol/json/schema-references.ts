import { isObject } from '../mcp';

/** Validators compile each definition within the one that refers to it: some hundred exhaust their stack. */
const MOST_TARGETS = 200;

/** The steps of a reference to a place in its own document (RFC 6901 §6); null when it is none. */
function stepsOf(reference: string): string[] | null {
  if (!/^#(?:\/|$)/.test(reference)) return null;
  try {
    const steps = reference.split('/').slice(1);
    return steps.map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return null;
  }
}

/** What a reference points at in its document; undefined when nothing is there. */
function targetOf(root: unknown, reference: string): unknown {
  return stepsOf(reference)?.reduce<unknown>((place, step) => {
    const holds = typeof place === 'object' && place !== null && Object.hasOwn(place, step);
    return holds ? (place as Record<string, unknown>)[step] : undefined;
  }, root);
}

/**
 * True when every reference resolves to a schema in the same document, and none leads only to itself.
 * @param references those of the schema; `isSchema` adds those of what is referred to
 */
export function resolve(
  root: unknown,
  references: Set<string>,
  isSchema: (value: unknown) => boolean,
): boolean {
  for (const reference of references) {
    if (references.size > MOST_TARGETS) return false;
    const target = targetOf(root, reference);
    if (target === undefined || !isSchema(target) || leadsToItself(root, reference)) return false;
  }
  return true;
}

/** True when following references alone never comes to an end. */
function leadsToItself(root: unknown, reference: string): boolean {
  const seen = new Set<string>();
  let next: unknown = reference;
  while (typeof next === 'string') {
    if (seen.has(next)) return true;
    seen.add(next);
    const target = targetOf(root, next);
    next = isObject(target) ? target.$ref : undefined;
  }
  return false;
}
