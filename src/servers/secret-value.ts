import * as z from 'zod/mini';
import { because } from '../protocol/faults/fault';

/** Secrets of the gateway itself: a server configured with one would be sent it. */
const NEVER_SENT = new Set(['ENCRYPTION_KEY', 'ADMIN_TOKEN', 'OIDC_CLIENT_SECRET']);

const MASK = '••••';

/** A secret an administrator sets: visible ASCII, or `env.NAME` for the variable or secret of that name, or a mask. */
export const SecretValue = z.string().check(
  z.minLength(1),
  z.maxLength(8192),
  z.regex(/^(?:[\x21-\x7e]|[\x21-\x7e][\x20-\x7e\t]*[\x21-\x7e]|••••.{0,4})$/, because('not_ascii')),
  z.refine((value) => !NEVER_SENT.has(variableOf(value) ?? ''), because('gateway_secret')),
);

/** The variable's name when a value is written `env.NAME`. */
export function variableOf(value: string): string | undefined {
  return /^env\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(value)?.[1];
}

/** A secret as answers show it: its last four characters, and none of a short one. `env.NAME` is no secret. */
export function maskOfSecret(value: string): string {
  if (variableOf(value)) return value;
  return value.length < 12 ? MASK : MASK + value.slice(-4);
}

/**
 * What a value sent to the API means: itself, or, when it is the mask of the one that is kept, that one. Null: a mask of
 * nothing that is kept.
 */
export function unmasked(sent: string, kept: string | undefined): string | null {
  if (!sent.startsWith(MASK)) return sent;
  return kept !== undefined && maskOfSecret(kept) === sent ? kept : null;
}

/**
 * The secret a kept value stands for; null when its variable is not set, or is none that can be sent: one line of visible ASCII. The
 * line break that a file ends with is not part of it.
 * @param variables the Worker's variables and secrets
 */
export function readSecret(value: string, variables: Readonly<Record<string, unknown>>): string | null {
  const variable = variableOf(value);
  if (variable === undefined) return value;
  const read = NEVER_SENT.has(variable) ? null : variables[variable];
  const secret = typeof read === 'string' ? read.trim() : '';
  return /^[\x20-\x7e\t]+$/.test(secret) ? secret : null;
}
