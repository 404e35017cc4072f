import * as z from 'zod/mini';
import { because } from '../protocol/faults/fault';
import { maskOfSecret, SecretValue, unmasked } from './secret-value';

/** Headers that describe the exchange itself, which the gateway writes. */
const OURS =
  /^(accept|accept-encoding|connection|content-(encoding|length|type)|expect|host|keep-alive|last-event-id|mcp-.*|origin|proxy-.*|te|trailer|transfer-encoding|upgrade|x-bf-.*)$/i;

/** A header's name that may be configured. */
export const HeaderName = z.string().check(
  z.maxLength(100),
  z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, because('not_a_header')), // RFC 9110 §5.1
  z.refine((name) => !OURS.test(name), because('own_header')),
);

/** Header values as they are kept: each a value, or `env.NAME` for the variable or secret of that name. */
const HeaderValues = z.record(HeaderName, SecretValue).check(
  z.refine((values) => Object.keys(values).length <= 50, because('too_many', { most: 50 })),
  z.refine((values) => {
    const names = Object.keys(values).map((name) => name.toLowerCase());
    return new Set(names).size === names.length;
  }, because('repeated_header')),
);

/** Header values as an update takes them: a mask the API has shown means the value in `kept` stays. */
export function headerValues(kept: Readonly<Record<string, string>>): z.ZodMiniType<Record<string, string>> {
  return z.pipe(
    HeaderValues,
    z.transform((sent, context) => {
      const values = Object.entries(sent).map(([name, value]) => {
        const [, known] =
          Object.entries(kept).find(([other]) => other.toLowerCase() === name.toLowerCase()) ?? [];
        const meant = unmasked(value, known);
        if (meant !== null) return [name, meant];
        context.issues.push({
          code: 'custom',
          input: sent,
          message: because('mask_of_header', { name }),
        });
        return [name, ''];
      });
      return Object.fromEntries(values);
    }),
  );
}

/** Header values as answers show them. */
export function maskHeaders(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, maskOfSecret(value)]));
}
