import { Head } from '../../ui/parts';
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
      <Head
        title="API reference"
        actions={
          <a class="button" href="/api/openapi.json">
            OpenAPI {document.openapi}
          </a>
        }
        lead={`${ORIGIN} · version ${document.info.version}`}
      />
      <Credentials document={document} />
      {document.tags.map(({ name, description }) => (
        <section id={anchorOf(name)} class="stack">
          <div class="stack tight">
            <h2>{name}</h2>
            <p class="muted">{description}</p>
          </div>
          {placed
            .filter(({ operation }) => operation.tags.includes(name))
            .map((shown) => (
              <Operation {...shown} document={document} />
            ))}
        </section>
      ))}
      <section id="schemas" class="stack">
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
    <section id="credentials" class="stack">
      <div class="stack tight">
        <h2>Credentials</h2>
        <p class="muted">Each operation names those it takes. One of them is enough.</p>
      </div>
      <dl class="card facts">
        {Object.entries(document.components.securitySchemes).map(([name, { description }]) => (
          <>
            <dt id={`credential-${name}`}>
              <code>{name}</code>
            </dt>
            <dd>
              <Words text={description} />
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function Operation({ method, path, operation, document }: Placed & { document: Document }) {
  const { operationId, summary, description, deprecated, parameters = [], requestBody } = operation;
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return (
    <details class="card">
      <summary class="row">
        <span class={`method ${method}`}>{method.toUpperCase()}</span>
        <h3 class="grow">
          <code>{path}</code> <small>{summary}</small>
        </h3>
        {deprecated && <span class="tag">Older name</span>}
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
            <dl class="facts">
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
            <h4>Body</h4>
            <small>
              {type} {content.schema.$ref && <>· {typeOf(content.schema)}</>}
            </small>
            <Members schema={resolved(content.schema, document)} />
          </div>
        )}
        <Answers operation={operation} document={document} />
        <div class="stack tight">
          <h4>Example</h4>
          <div class="copy lines">
            <code>{curlOf({ method, path, operation })}</code>
          </div>
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
      <dl class="facts">
        {Object.entries(operation.responses).map(([status, given]) => {
          const answer = '$ref' in given ? responses[nameIn(given.$ref)] : given;
          const schema = answer?.content?.['application/json']?.schema;
          return (
            <>
              <dt>
                <code>{status}</code>
              </dt>
              <dd>
                <Words text={answer?.description ?? ''} /> {schema?.$ref && <>· {typeOf(schema)}</>}
                {schema && !schema.$ref && (
                  <div class="group">
                    <Members schema={schema} isAnswer />
                  </div>
                )}
              </dd>
            </>
          );
        })}
      </dl>
    </div>
  );
}

function NamedSchema({ name, schema, isAnswer }: { name: string; schema: Schema; isAnswer: boolean }) {
  const { description, ...rest } = schema;
  return (
    <details class="card">
      <summary class="row">
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
