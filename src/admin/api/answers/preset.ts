import * as z from 'zod/mini';
import { PRESETS } from '../../../providers/presets';
import { oauthConfigMembers } from '../../../servers/oauth-config';

/** A preset as answers show it. */
export const ShownPreset = z.object({
  id: z.string(),
  name: z.string(),
  connection_string: z.nullable(z.url()).check(z.describe('Null: wherever yours is')),
  auth_type: z.enum(PRESETS.map(({ auth_type }) => auth_type)),
  registration: z
    .enum(['own_app', 'automatic'])
    .check(
      z.describe('`own_app`: register one at `console_url`, with `redirect_uri`; `automatic`: nothing to do'),
    ),
  console_url: z.nullable(z.url()),
  redirect_uri: z
    .nullable(z.url())
    .check(z.describe('Ours, to paste there; null: `issuer_url` is not set yet')),
  oauth_config: oauthConfigMembers(false).check(
    z.describe('To begin with; add `client_id` and `client_secret` of an own app'),
  ),
  notes: z.array(z.string()),
  source: z.url().check(z.describe('Where this is said')),
  read_on: z.iso.date().check(z.describe('When that was read')),
});
