import type { Context } from 'hono';
import * as z from 'zod/mini';
import type { App } from '../../config';
import { because } from '../../protocol/faults/fault';
import { itemsOf } from '../../protocol/headers';
import { firstFault, readText } from '../../protocol/params';
import { type ApiError, refusal } from './error';

/** Bytes of a body. */
const MOST = 262_144;

/** What administrators call a thing: plain characters, for people to read. */
export const Name = z
  .string()
  .check(z.trim(), z.minLength(1), z.maxLength(200), z.regex(/^\P{C}*$/u, because('not_plain')));

/** The JSON body. @throws ApiError when it is too long or malformed. */
export async function readJson(c: Context<App>): Promise<unknown> {
  const text = await readText(c.req.raw.body, MOST);
  if (text === null) throw refusal('body_too_large', { kib: MOST / 1024 });
  try {
    return JSON.parse(text);
  } catch {
    throw refusal('body_not_json');
  }
}

/** The value as `schema` reads it; members it does not know are dropped. @throws ApiError naming the first at fault. */
export function accept<T extends z.ZodMiniType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw refusedValue(result.error);
}

/** A refused value: which member, and why. @param within the dotted name of what was parsed. */
export function refusedValue(error: z.core.$ZodError, within = ''): ApiError {
  const { member, fault } = firstFault(error);
  const field = [within, member].filter(Boolean).join('.');
  return refusal('value', { fault }, field || undefined);
}

/** A moment as RFC 3339 writes it, to epoch seconds. */
export const Moment = z.pipe(
  z.iso.datetime({ offset: true, error: because('not_a_time') }),
  z.transform((text) => Math.floor(Date.parse(text) / 1000)),
);

const wholeNumber = (least: number, most: number) =>
  z
    .pipe(
      z.string().check(z.regex(/^\d{1,9}$/, because('not_whole_between', { least, most }))),
      z.transform(Number),
    )
    .check(
      z.refine((n) => n >= least && n <= most, because('not_whole_between', { least, most })),
      z.meta({ documented: { type: 'integer', minimum: least, maximum: most } }),
    );

/** Which part of a list is asked for (CONTRACT §8). `search`: any part, without regard to case. */
export const Page = z.object({
  search: z
    ._default(z.string().check(z.maxLength(200)), '')
    .check(z.describe('What the name holds, in either case')),
  limit: z._default(wholeNumber(1, 500), 50).check(z.describe('How many to answer')),
  offset: z._default(wholeNumber(0, 999_999_999), 0).check(z.describe('How many to leave out first')),
});
export type Page = z.infer<typeof Page>;

/** A comma-separated list; absent and empty are none. */
export const CommaList = z.optional(
  z
    .pipe(z.string(), z.transform(itemsOf))
    .register(z.globalRegistry, { documented: { type: 'array', items: { type: 'string' } } }),
);
