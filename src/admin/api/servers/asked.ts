import type { ApiRefusal } from '../error';

/** What came of asking a saved server for its lists, as data: pages that saved it have words of their own. */
export type Asked =
  | { kind: 'listed'; tools: number }
  | { kind: 'disabled' }
  | { kind: 'unverified'; refusal: ApiRefusal }
  | { kind: 'failed'; refusal: ApiRefusal };

/** By the request that saved the server. */
const known = new WeakMap<Request, Asked>();

export function noteAsked(request: Request, asked: Asked): void {
  known.set(request, asked);
}

export function askedOf(request: Request): Asked | undefined {
  return known.get(request);
}
