import { Member, Members, nameIn, typeOf, Words } from './docs-schema';
import type { Document, OperationObject, Schema } from './document';
import { ORIGIN, type Placed } from './reference';

/** The name of the schema of what an operation is sent. */
export function bodyNameOf({ requestBody }: OperationObject): string | undefined {
  const [content] = Object.values(requestBody?.content ?? {});
  return content?.schema?.$ref && nameIn(content.schema.$ref);
}

export function Method({ of }: { of: string }) {
  return <span class={`method ${of}`}>{of.toUpperCase()}</span>;
}

type OperationProps = Placed & {
  document: Document;
  /** True where the schema of its body has its place here. */
  describes: boolean;
};

/** An operation: what it takes, what it answers, and a call of it. */
export function Operation({ method, path, operation, document, describes }: OperationProps) {
  const { operationId, summary, description, deprecated, parameters = [], requestBody } = operation;
  const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return (
    <details class="card">
      <summary class="row">
        <Method of={method} />
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
          <div
            class="stack tight"
            id={describes && content.schema.$ref ? `schema-${bodyNameOf(operation)}` : undefined}
          >
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
