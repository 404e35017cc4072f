import * as z from 'zod/mini';
import { version } from '../../../package.json';
import { answered, asked } from './components';
import type { AnswerSpec, Operation, Operations } from './operation';
import { TAGS } from './operation';
import { operations } from './operations';
import { REFUSALS, refusalName, refusals } from './refusals';
import { SECURITY, SECURITY_SCHEMES } from './security';

/** A JSON Schema (2020-12), as OpenAPI 3.1 holds them. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
};

type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
  explode?: boolean;
};
type Content = Record<string, { schema?: Schema; example?: unknown }>;
type Response = {
  description: string;
  content?: Content;
  headers?: Record<string, { schema: Schema; description: string }>;
};
export type OperationObject = {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  deprecated?: boolean;
  security: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { required: true; content: Content };
  responses: Record<string, Response | { $ref: string }>;
};

/** An OpenAPI 3.1 document, in as far as ours goes. */
export type Document = ReturnType<typeof makeDocument>;

/** The whole API (CONTRACT §§2 to 8). Never in the Worker, for all its words: `npm run api` makes an asset of it (assets.ts). */
export function describeApi(): Document {
  return makeDocument(operations);
}

function makeDocument(operations: Operations) {
  const requests = new Schemas('input', asked);
  const answers = new Schemas('output', { ...answered, ...refusals });
  for (const { body, query, headers, answers: given } of Object.values(operations)) {
    for (const schema of [body?.schema, query, headers]) if (schema) requests.add(schema);
    for (const { schema } of Object.values(given)) if (schema) answers.add(schema);
  }
  requests.convert();
  answers.convert();

  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const [key, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = key.split(' ');
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = described(operation, requests, answers);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Toolgate',
      version,
      summary:
        'An MCP gateway: one OAuth 2.1 authorization server and one /mcp endpoint in front of every MCP server.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...requests.components(), ...answers.components() },
      responses: Object.fromEntries(
        REFUSALS.filter(({ style, status }) => isUsed(operations, style, status)).map(
          ({ style, status, description }) => [
            refusalName(style, status),
            response({ description, ...contentOf(style) }, answers),
          ],
        ),
      ),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function isUsed(operations: Operations, style: string, status: number): boolean {
  return Object.values(operations).some(
    (operation) => operation.refusals[0] === style && statusesOf(operation).includes(status),
  );
}

/** How an operation may refuse: wherever ADMIN_TOKEN is taken, wrong ones are counted. */
function statusesOf({ access, refusals: [, ...statuses] }: Operation): number[] {
  const takesToken = access === 'administrator' || access === 'holder';
  return takesToken ? [...new Set([...statuses, 429])].sort((a, b) => a - b) : statuses;
}

function contentOf(style: string): Pick<AnswerSpec, 'schema' | 'type'> {
  if (style === 'page') return { type: 'text/html' };
  return { schema: { api: refusals.Refusal, oauth: refusals.OAuthRefusal }[style] ?? refusals.RpcRefusal };
}

function described(operation: Operation, requests: Schemas, answers: Schemas): OperationObject {
  const { id, summary, description, tag, access, isDeprecated, body, refusals } = operation;
  const [style] = refusals;
  const statuses = statusesOf(operation);
  const parameters = parametersOf(operation, requests);
  const type = body?.type ?? 'application/json';
  return {
    operationId: id,
    summary,
    ...(description && { description }),
    tags: [tag],
    ...(isDeprecated && { deprecated: true }),
    security: SECURITY[access],
    ...(parameters.length && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { [type]: { schema: requests.shown(body.schema), example: body.example } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [status, response(answer, answers)]),
      ),
      ...Object.fromEntries(
        statuses.map((status) => [
          String(status),
          { $ref: `#/components/responses/${refusalName(style, status)}` },
        ]),
      ),
    },
  };
}

function response({ description, schema, type, streams, headers }: AnswerSpec, schemas: Schemas): Response {
  const content: Content | undefined = schema
    ? {
        [type ?? 'application/json']: { schema: schemas.shown(schema) },
        ...(streams && { 'text/event-stream': { schema: { type: 'string' } } }),
      }
    : type
      ? { [type]: { schema: { type: 'string' } } }
      : undefined;
  return {
    description,
    ...(content && { content }),
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' } },
        ]),
      ),
    }),
  };
}

function parametersOf({ path, query, headers }: Operation, requests: Schemas): Parameter[] {
  const inPath = Object.entries(path ?? {}).map(
    ([name, description]): Parameter => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: { type: 'string' },
    }),
  );
  return [...inPath, ...members(query, 'query', requests), ...members(headers, 'header', requests)];
}

/** The members of a query or of headers, each as a parameter. A list stands in one parameter, separated by commas. */
function members(
  schema: z.ZodMiniObject | undefined,
  place: 'query' | 'header',
  requests: Schemas,
): Parameter[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = requests.shown(schema);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description && { description }),
    schema,
    ...(schema.type === 'array' && { explode: false }),
  }));
}

/** Zod schemas of one direction, turned into JSON Schemas together: the named ones refer to each other. */
class Schemas {
  private readonly ids = new Map<z.ZodMiniType, string>();
  private shownBy: Record<string, Schema> = {};

  constructor(
    private readonly io: 'input' | 'output',
    private readonly named: Readonly<Record<string, z.ZodMiniType>>,
  ) {
    for (const [name, schema] of Object.entries(named)) this.ids.set(schema, name);
  }

  add(schema: z.ZodMiniType): void {
    if (!this.ids.has(schema)) this.ids.set(schema, ` ${this.ids.size}`);
  }

  convert(): void {
    const registry = z.registry<{ id: string }>();
    for (const [schema, id] of this.ids) registry.add(schema, { id });
    const { schemas } = z.toJSONSchema(registry, {
      io: this.io,
      metadata: z.registry<{ id: string }>(),
      unrepresentable: 'any',
      uri: (id) => `#/components/schemas/${id}`,
      override: ({ zodSchema, jsonSchema }) => annotate(zodSchema, jsonSchema as Schema),
    });
    for (const { $schema, $id, ...schema } of Object.values(schemas))
      this.shownBy[String($id).split('/').at(-1) ?? ''] = schema as Schema;
  }

  /** The schema in its place: by reference when it has a name. */
  shown(schema: z.ZodMiniType): Schema {
    const id = this.ids.get(schema) ?? '';
    return id in this.named ? { $ref: `#/components/schemas/${id}` } : (this.shownBy[id] as Schema);
  }

  components(): Record<string, Schema> {
    return Object.fromEntries(Object.keys(this.named).map((name) => [name, this.shownBy[name] as Schema]));
  }
}

/** What zod does not say by itself: words (`description`, or `does` of a setting), defaults behind a transformation. */
function annotate(zodSchema: z.core.$ZodTypes, json: Schema): void {
  const { documented, filledIn, does, description } = z.globalRegistry.get(zodSchema) ?? {};
  if (documented) {
    for (const key of Object.keys(json)) delete json[key as keyof Schema];
    Object.assign(json, documented);
  }
  if (filledIn) json.required = json.required?.filter((name) => name !== filledIn);
  const { def } = zodSchema._zod;
  if (def.type === 'object' && !def.catchall) delete json.additionalProperties;
  if (def.type === 'default') json.default = def.defaultValue;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.properties && !Object.keys(json.properties).length) delete json.properties;
  if (json.format === 'date-time' || json.format === 'uri') delete json.pattern;
  const words = does ?? description;
  if (typeof words === 'string') json.description = words;
}
