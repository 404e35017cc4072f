import type * as z from 'zod/mini';

/** Groups of operations, in the order they are shown, each with what it is for. */
export const TAGS = {
  Discovery:
    'What a client reads first: where to get a token, and for what. Not there while browser sign-in is off.',
  Authorization:
    'OAuth 2.1 for apps: they register, send a person here to allow them, and get tokens. Not there while browser sign-in is off.',
  MCP: 'The endpoint apps call, with an access token or an access key.',
  Servers: 'The MCP servers behind this gateway.',
  'Connected accounts':
    'Accounts at servers where everyone has their own: whose, how they stand, and their end.',
  Toolsets: 'Tools of several servers under one address (Virtual MCPs).',
  'Access keys': 'Keys for machines and people, what each may use, and how much of it (virtual keys).',
  People: 'Everyone who signed in with the identity provider.',
  Apps: 'The apps that registered, and what people allowed them.',
  Gateway: 'Settings, health, the keys of the gateway itself, and who is signed in to it.',
  Audit: 'What happened: by whom, when, and how it ended.',
} as const;
type Tag = keyof typeof TAGS;

/**
 * Who may call: anybody, an administrator, the holder of an access key, an identity with connected accounts, a caller of `/mcp`,
 * a registered app.
 */
export type AllowedCaller = 'anybody' | 'administrator' | 'key' | 'holder' | 'caller' | 'app';

/** How a kind of endpoint refuses: as the management API, as OAuth, as JSON-RPC, or with a page for a person. */
export type RefusalStyle = 'api' | 'oauth' | 'rpc' | 'page';

/** An answer: its schema, or its media type when it is no JSON. */
export type AnswerSpec = {
  description: string;
  schema?: z.ZodMiniType;
  type?: string;
  /** The answer may come as a stream of events too. */
  streams?: boolean;
  headers?: Record<string, string>;
};

/** One operation as the document shows it. Its schemas are those that validate, and those the answers are typed by. */
export type Operation = {
  id: string;
  tag: Tag;
  summary: string;
  description?: string;
  access: AllowedCaller;
  isDeprecated?: boolean;
  /** What stands in the path, each with what it is. */
  path?: Readonly<Record<string, string>>;
  query?: z.ZodMiniObject;
  headers?: z.ZodMiniObject;
  body?: { schema: z.ZodMiniType; type?: string; example: unknown };
  answers: Readonly<Record<number, AnswerSpec>>;
  refusals: readonly [RefusalStyle, ...number[]];
};

/** Operations by method and path, such as `GET /api/users/{id}`. */
export type Operations = Readonly<Record<string, Operation>>;

export const FORM = 'application/x-www-form-urlencoded';
export const HTML = 'text/html; charset=utf-8';
