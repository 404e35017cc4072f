import type { Check } from '../check.ts';
import { admin } from './admin.ts';
import { connect } from './connect.ts';
import { consent } from './consent.ts';
import { crypto } from './crypto.ts';
import { grants } from './grants.ts';
import { identity } from './identity.ts';
import { mcp } from './mcp.ts';
import { oauth } from './oauth.ts';

/** The checks of each area. */
export const AREAS = { oauth, consent, connect, grants, crypto, identity, admin, mcp } satisfies Record<
  string,
  Check[]
>;

export const CHECKS: readonly Check[] = Object.values(AREAS).flat();
