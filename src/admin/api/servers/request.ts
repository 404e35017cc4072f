import * as z from 'zod/mini';
import { authTypes, authTypesThat, DEFAULT_AUTH_TYPE, ownHeadersOf } from '../../../accounts/auth/index';
import { because } from '../../../protocol/faults/fault';
import { publicUrl } from '../../../protocol/public-url';
import { AUTH_MEMBERS, NOTHING_KEPT, only, type StoredSecrets } from '../../../servers/auth-settings';
import { maskOfSecret } from '../../../servers/secret-value';
import { CONNECTION_TYPES, type Server, type TokenExchange } from '../../../servers/server';

const Name = z
  .string()
  .check(z.maxLength(64), z.regex(/^[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*$/, because('not_a_server_name')));

const ConnectionType = z.enum(CONNECTION_TYPES, {
  error: ({ input }) => {
    if (input === undefined) return because('required');
    return because(input === 'stdio' ? 'spawned' : 'not_http_transport');
  },
});

const ToolNames = z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(1000));

/** What a server's own word on its resources or prompts means when it is missing. */
export const AS_TOOLS = 'null: when `tools_to_execute` is `*`, or it lists no tools';

/** Members an update may change, as the API spells them. */
export const serverMembers = (allowLoopback: boolean) =>
  z.object({
    name: Name.check(z.describe('Begins the names of its tools')),
    connection_string: publicUrl(allowLoopback).check(z.describe('Its address')),
    tools_to_execute: ToolNames.check(
      z.describe('Its own names of tools; `*` is all of them, an empty list none'),
    ),
    allow_resources: z
      .nullable(z.boolean())
      .check(z.describe(`Whether its resources are offered; ${AS_TOOLS}`)),
    allow_prompts: z.nullable(z.boolean()).check(z.describe(`Whether its prompts are offered; ${AS_TOOLS}`)),
    allow_on_all_virtual_keys: z.boolean().check(z.describe('Everyone who gets in may use it')),
    enabled: z.boolean(),
    pass_baggage: z
      .boolean()
      .check(z.describe('Whether the `baggage` of a request goes on to it (W3C Baggage)')),
    pass_instructions: z.boolean().check(z.describe('Whether clients are given its `instructions`')),
    tool_execution_timeout: z
      .nullable(z.int().check(z.minimum(0), z.maximum(300)))
      .check(z.describe('Seconds; 0 and null: the setting')),
    tool_sync_interval: z
      .nullable(z.int().check(z.minimum(0), z.maximum(10_080)))
      .check(z.describe('Minutes; 0 and null: the setting')),
  });

/** `disabled` is `enabled` said the other way round; of two that disagree, the one that changes what is `known` holds. */
function withEnabled(body: unknown, known = true): unknown {
  if (typeof body !== 'object' || body === null || !('disabled' in body)) return body;
  const { disabled } = body;
  if (typeof disabled !== 'boolean') return { ...body, enabled: disabled }; // refused as what it is
  if ('enabled' in body && (body.enabled !== known || disabled !== known)) return body;
  return { ...body, enabled: !disabled };
}

/** Members that the auth type does not take may be sent as they are shown: empty, or as the type fixes them. */
function withoutForeign(body: unknown, authType: unknown, context: z.core.ParsePayload): unknown {
  const named = typeof authType === 'string' ? authType : '';
  const type = authTypes.get(named);
  if (typeof body !== 'object' || body === null || !type) return body;
  const taken = type.settings(NOTHING_KEPT).shape;
  const fixed = JSON.stringify(ownHeadersOf({ authType: named })?.names);
  const foreign = AUTH_MEMBERS.filter((member) => member in body && !(member in taken));
  for (const member of foreign) {
    const value = (body as Record<string, unknown>)[member];
    if (typeof value === 'object' && !Object.keys(value ?? {}).length) continue;
    if (member === 'per_user_header_keys' && JSON.stringify(value) === fixed) continue;
    context.issues.push({
      code: 'custom',
      path: [member],
      message: because('not_for_auth_type', { auth_type: named, takers: takersOf(member) }),
      input: value,
    });
  }
  return Object.fromEntries(
    Object.entries(body).filter(([name]) => !foreign.some((member) => member === name)),
  );
}

function takersOf(member: string): string {
  return authTypesThat(({ settings }) => member in settings(NOTHING_KEPT).shape).join(' or ');
}

/** A server as `POST /api/mcp/client` takes it. */
export function newServer(allowLoopback: boolean) {
  const common = z.required(z.partial(serverMembers(allowLoopback)), { name: true, connection_string: true });
  const options = [...authTypes].map(([type, { settings }]) =>
    z
      .extend(common, {
        ...settings({ kept: { headers: {} }, allowLoopback }).shape,
        connection_type: ConnectionType,
        auth_type: z.literal(type),
      })
      .check(z.meta(type === DEFAULT_AUTH_TYPE ? { filledIn: 'auth_type' } : {})),
  );
  type Option = (typeof options)[number];
  const typed = z.discriminatedUnion('auth_type', options as [Option, ...Option[]], {
    error: because('not_one_of', { options: [...authTypes.keys()].join(', ') }),
  });
  return z.pipe(
    z.transform((body, context) => {
      const enabled = withEnabled(body);
      const isUntyped = typeof enabled === 'object' && enabled !== null && !('auth_type' in enabled);
      const whole = isUntyped ? { ...enabled, auth_type: DEFAULT_AUTH_TYPE } : enabled;
      return withoutForeign(whole, (whole as { auth_type?: unknown } | null)?.auth_type, context);
    }),
    typed,
  );
}

/**
 * What `PUT /api/mcp/client/{id}` may change of `server`.
 * @param kept its secrets as configured, which a mask sent back keeps.
 */
export function serverChange(server: Server, kept: StoredSecrets, allowLoopback: boolean) {
  const settings = authTypes.get(server.authType)?.settings ?? (() => only({}));
  const { user_headers: _, ...members } = settings({ kept, allowLoopback }).shape;
  const never = { error: because('server_fixed') };
  return z.pipe(
    z.transform((body, context) =>
      withWholeExchange(
        withoutForeign(withEnabled(body, server.enabled), server.authType, context),
        server,
        kept,
      ),
    ),
    z.partial(
      z.extend(serverMembers(allowLoopback), {
        ...members,
        connection_type: z.literal(server.connectionType, never),
        auth_type: z.literal(server.authType, never),
      }),
    ),
  );
}

/** What is sent of `token_exchange` together with what is kept of it, the secret as its mask. */
function withWholeExchange(body: unknown, { tokenExchange }: Server, { exchange }: StoredSecrets): unknown {
  if (typeof body !== 'object' || body === null || !tokenExchange) return body;
  const sent = (body as { token_exchange?: unknown }).token_exchange;
  if (typeof sent !== 'object' || sent === null) return body;
  return { ...body, token_exchange: { ...shownExchange(tokenExchange, exchange?.secret), ...sent } };
}

/** `token_exchange` as the API shows it. @param secret as configured; undefined: none */
export function shownExchange(exchange: TokenExchange, secret: string | undefined) {
  return {
    audience: exchange.audience,
    use_idp_credentials: exchange.useIdpCredentials,
    client_id: exchange.clientId,
    client_secret: secret ? maskOfSecret(secret) : null,
    authorization_server_url: exchange.authorizationServerUrl,
    scopes: exchange.scopes,
  };
}
