import * as z from 'zod/mini';
import { KEY_ORDERS, KEY_STATES, KEY_USES } from '../../governance/key-list';
import type { VirtualKey } from '../../governance/virtual-keys';
import { because } from '../../protocol/faults/fault';
import { McpConfigs } from '../../protocol/mcp-config';
import { Name, Page } from './request';

const Value = z
  .string()
  .check(z.regex(/^sk-bf-[A-Za-z0-9._~-]+$/, because('not_a_key_value')), z.minLength(20), z.maxLength(200));

/** RFC 3339, to epoch seconds; `""` and null: never. What is in the past is only taken when it is already so. */
const expiry = (known: number | null) =>
  z.pipe(
    z.transform((value) => (value === '' ? null : value)),
    z.nullable(
      z
        .pipe(
          z.iso.datetime({ offset: true, error: because('not_a_time') }),
          z.transform((text) => Math.floor(Date.parse(text) / 1000)),
        )
        .check(z.refine((at) => at === known || at > Date.now() / 1000, because('past'))),
    ),
  );

/** At most so many calls in a window; one limit a window length. A window is at most a year. */
export const Limits = z
  .array(
    z.object({
      calls: z.int().check(z.minimum(1), z.maximum(1_000_000_000)),
      window_seconds: z
        .int()
        .check(z.minimum(1), z.maximum(31_622_400, because('more_than_a_year', { most: 31_622_400 }))),
    }),
  )
  .check(
    z.maxLength(10),
    z.refine(
      (limits) => new Set(limits.map(({ window_seconds }) => window_seconds)).size === limits.length,
      because('repeated_window'),
    ),
  );

/** What an administrator may say of a key. */
const terms = (expiresAt: number | null) =>
  z.object({
    name: Name,
    description: z.string().check(z.maxLength(2000)),
    is_active: z.boolean(),
    expires_at: expiry(expiresAt).check(z.describe('RFC 3339; null: never')),
    delete_after_expire: z.nullable(z.boolean()).check(z.describe('Needs `expires_at`')),
    owner_user_id: z
      .nullable(z.string().check(z.minLength(1), z.maxLength(200)))
      .check(z.describe('The person it belongs to: at consent only they may use it, as themselves')),
    shared: z.boolean().check(z.describe('Several people hold it: it keeps no account of one person')),
    mcp_configs: McpConfigs.check(z.describe('What it may use; a server that is not named stays closed')),
    limits: Limits.check(z.describe('How many tool calls in how many seconds')),
  });

/** A key as `POST /api/governance/virtual-keys` takes it. */
export const NewKey = z.extend(z.required(z.partial(terms(null)), { name: true }), {
  value: z.optional(Value.check(z.describe('To bring a key along; else one is made'))),
});

/** What may change of a key. Its value only by rotation; as shown it may be sent back. */
export const keyChange = (key: VirtualKey) =>
  z.partial(z.extend(terms(key.expiresAt), { value: z.literal(key.valueMask, because('key_value_fixed')) }));

/** Which keys are asked for, and in which order. */
export const KeyList = z.extend(Page, {
  search: z
    ._default(z.string().check(z.maxLength(200)), '')
    .check(
      z.describe(
        'Any part of the name, of the owner’s name or e-mail address, or of the last four characters, in either case',
      ),
    ),
  state: z
    .optional(z.enum(KEY_STATES))
    .check(z.describe('`expiring`: within seven days; `active`: later or never')),
  used: z.optional(z.enum(KEY_USES)).check(z.describe('Those not used, or made, in 30 days; or never used')),
  sort: z.optional(z.enum(KEY_ORDERS)).check(z.describe('A `-` turns it round. Missing: by name')),
});

/** Why a key gets a new value: in the course of time, or because the old one got about. */
export const KeyRotation = z.object({ reason: z.enum(['routine', 'leaked']) });
