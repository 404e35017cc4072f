import { asked } from './components';
import { Member, Members, nameIn, typeOf, Words } from './docs-schema';
import type { Document, OperationObject, Schema } from './document';

type Placed = { method: string; path: string; operation: OperationObject };

/** Stands for the gateway's origin, which is not known when the page is made. */
export const ORIGIN = '%ORIGIN%';

/** The API's description for people, in HTML: no script, nothing from elsewhere. The ways to its parts, and the parts. */
export function renderApi(document: Document): { ways: string; body: string } {
  const placed = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Placed => ({ method, path, operation })),
  );
  const ways = (
    <>
      <a href="#credentials">Credentials</a>
      {document.tags.map(({ name }) => (
        <a href={`#${anchorOf(name)}`}>{name}</a>
      ))}
      <a href="#schemas">Schemas</a>
    </>
  );
  const body = (
    <>
      <header class="stack tight">
        <h1>The API of this gateway</h1>
        <p class="muted">
          {ORIGIN} · version {document.info.version} ·{' '}
          <a href="/api/openapi.json">OpenAPI {document.openapi} document</a>
        </p>
      </header>
      <Credentials document={document} />
      {document.tags.map(({ name, description }) => (
        <section id={anchorOf(name)} class="stack tight">
          <h2>{name}</h2>
          <p class="muted">{description}</p>
          {placed
            .filter(({ operation }) => operation.tags.includes(name))
            .map((shown) => (
              <Operation {...shown} document={document} />
            ))}
        </section>
      ))}
      <section id="schemas" class="stack tight">
        <h2>Schemas</h2>
        {Object.entries(document.components.schemas).map(([name, schema]) => (
          <NamedSchema name={name} schema={schema} isAnswer={!(name in asked)} />
        ))}
      </section>
    </>
  );
  return { ways: String(ways), body: String(body) };
}

function anchorOf(tag: string): string {
  return tag.toLowerCase().replaceAll(' ', '-');
}

/** What callers send, by the names the operations use. */
function Credentials({ document }: { document: Document }) {
  return (
    <section id="credentials" class="stack tight">
      <h2>Credentials</h2>
      <p class="muted">Every operation names those it takes; one of them is enough.</p>
      <div class="card">
        <dl class="members">
          {Object.entries(document.components.securitySchemes).map(([name, { description }]) => (
            <div id={`credential-${name}`}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                <Words text={description} />
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </section>
  );
}

function Operation({ method, path, operation, document }: Placed & { document: Document }) {
  const { operationId, summary, description, deprecated, parameters = [], requestBody } = operation;
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return (
    <details class="op">
      <summary>
        <span class={`method ${method}`}>{method.toUpperCase()}</span>
        <h3>
          <code>{path}</code> <span class="muted">{summary}</span>
        </h3>
        {deprecated && <span class="tag">older name</span>}
      </summary>
      <div id={operationId} class="stack wide">
        {description && (
          <p>
            <Words text={description} />
          </p>
        )}
        <p class="muted">
          <Takes operation={operation} />
        </p>
        {parameters.length > 0 && (
          <div class="stack tight">
            <h4>Parameters</h4>
            <dl class="members">
              {parameters.map(({ name, required, schema, description }) => (
                <Member
                  name={name}
                  schema={description ? { ...schema, description } : schema}
                  mark={required && 'required'}
                />
              ))}
            </dl>
          </div>
        )}
        {content?.schema && (
          <div class="stack tight">
            <h4>
              Body{' '}
              <span class="type">
                {type} {content.schema.$ref && <>· {typeOf(content.schema)}</>}
              </span>
            </h4>
            <Members schema={resolved(content.schema, document)} />
          </div>
        )}
        <Answers operation={operation} document={document} />
        <div class="stack tight">
          <h4>Example</h4>
          <pre>
            <code>{curlOf({ method, path, operation })}</code>
          </pre>
        </div>
      </div>
    </details>
  );
}

/** Which credentials an operation takes. */
function Takes({ operation: { security } }: { operation: OperationObject }) {
  const names = security.flatMap((needed) => Object.keys(needed));
  if (!names.length) return <>Needs no credential.</>;
  return (
    <>
      {security.some((needed) => !Object.keys(needed).length) ? 'May carry ' : 'Needs '}
      {names.map((name, at) => [at > 0 && ' or ', <a href={`#credential-${name}`}>{name}</a>])}.
    </>
  );
}

/** The schema itself, also of one that has a name. */
function resolved(schema: Schema, document: Document): Schema {
  return (schema.$ref && document.components.schemas[nameIn(schema.$ref)]) || schema;
}

function Answers({ operation, document }: { operation: OperationObject; document: Document }) {
  const { responses } = document.components;
  return (
    <div class="stack tight">
      <h4>Answers</h4>
      <dl class="members answers">
        {Object.entries(operation.responses).map(([status, given]) => {
          const answer = '$ref' in given ? responses[nameIn(given.$ref)] : given;
          const schema = answer?.content?.['application/json']?.schema;
          return (
            <div>
              <dt>
                <code>{status}</code>
              </dt>
              <dd>
                <Words text={answer?.description ?? ''} />{' '}
                {schema?.$ref && <span class="type">· {typeOf(schema)}</span>}
                {schema && !schema.$ref && <Members schema={schema} isAnswer />}
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

function NamedSchema({ name, schema, isAnswer }: { name: string; schema: Schema; isAnswer: boolean }) {
  const { description, ...rest } = schema;
  return (
    <details class="op">
      <summary>
        <h3>
          <code>{name}</code>
        </h3>
      </summary>
      <div id={`schema-${name}`} class="stack tight">
        {description && (
          <p>
            <Words text={description} />
          </p>
        )}
        {rest.properties || rest.oneOf ? (
          <Members schema={rest} isAnswer={isAnswer} />
        ) : (
          <p>{typeOf(rest)}</p>
        )}
      </div>
    </details>
  );
}

/** What to send, by the first credential an operation takes. */
const SENT: Readonly<Record<string, string>> = {
  adminToken: '-H "Authorization: Bearer $ADMIN_TOKEN"',
  accessToken: '-H "Authorization: Bearer $ACCESS_TOKEN"',
  virtualKey: '-H "x-bf-vk: $VIRTUAL_KEY"',
};

/** The call, ready to paste into a shell. */
function curlOf({ method, path, operation }: Placed): string {
  const [credential = ''] = operation.security.flatMap((needed) => Object.keys(needed));
  const [type = '', content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const url = ORIGIN + path.replaceAll(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`);
  const verb = method === 'get' ? '' : `-X ${method.toUpperCase()} `;
  return [
    `curl ${verb}"${url}"`,
    ...(SENT[credential] ? [SENT[credential]] : []),
    ...(path.startsWith('/mcp') ? ['-H "Accept: application/json, text/event-stream"'] : []),
    ...(content ? bodyOf(type, content.example) : []),
  ].join(' \\\n  ');
}

function bodyOf(type: string, example: unknown): string[] {
  if (type === 'application/json') {
    const members = Object.entries(example as object).map(
      ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
    );
    return [`-H "Content-Type: ${type}"`, `-d '{\n${members.join(',\n')}\n  }'`];
  }
  return Object.entries(example as Record<string, string>).map(([name, value]) => `-d "${name}=${value}"`);
}
