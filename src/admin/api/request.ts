import type { Context } from 'hono';
import * as z from 'zod';
import type { App } from '../../config';
import { readText } from '../../protocol/params';
import { ApiError } from './error';

/** Bytes of a body. */
const MOST = 262_144;

/** What administrators call a thing: plain characters, for people to read. */
export const Name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(200)
  .regex(/^\P{C}*$/u, 'must be plain characters');

/** The JSON body. @throws ApiError when it is too long or malformed. */
export async function readJson(c: Context<App>): Promise<unknown> {
  const text = await readText(c.req.raw.body, MOST);
  if (text === null) throw new ApiError('payload_too_large', `The body is over ${MOST / 1024} KiB.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('invalid_request', 'The body is not JSON.');
  }
}

/** The value as `schema` reads it; members it does not know are dropped. @throws ApiError naming the first at fault. */
export function accept<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw fault(result.error);
}

/** A refused value as an answer: which member, and why. @param within the dotted name of what was parsed. */
export function fault(error: z.ZodError, within = ''): ApiError {
  const [issue] = error.issues;
  const field = [within, ...(issue?.path ?? [])].filter((part) => part !== '').join('.');
  return new ApiError(
    'invalid_request',
    `${field || 'The body'} ${reasonOf(issue?.message ?? '')}.`,
    field || undefined,
  );
}

/** A schema's own words continue the sentence ("must be …"); zod's stand after a colon. */
function reasonOf(message: string): string {
  if (message.endsWith('received undefined')) return 'is required';
  if (/^(must|are|is|never) /.test(message)) return message;
  return `is not acceptable: ${message.replace(/^Invalid input: /, '')}`;
}

/** A moment as RFC 3339 writes it, to epoch seconds. */
export const Moment = z.iso
  .datetime({ offset: true, error: 'must be a time as RFC 3339 writes it, such as 2027-01-31T12:00:00Z' })
  .transform((text) => Math.floor(Date.parse(text) / 1000));

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((n) => n >= least && n <= most, `must be a whole number from ${least} to ${most}`)
    .meta({ documented: { type: 'integer', minimum: least, maximum: most } });

/** Which part of a list is asked for (CONTRACT §8). `search` is a prefix, without regard to case. */
export const Page = z.object({
  search: z
    .string()
    .max(200, 'must be at most 200 characters')
    .default('')
    .describe('What the name begins with, in either case'),
  limit: wholeNumber(1, 500).default(50).describe('How many to answer'),
  offset: wholeNumber(0, 999_999_999).default(0).describe('How many to leave out first'),
});
export type Page = z.infer<typeof Page>;

/** A comma-separated list; absent and empty are none. */
export const CommaList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .meta({ documented: { type: 'array', items: { type: 'string' } } })
  .optional();
