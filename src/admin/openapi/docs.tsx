import { Head } from '../../ui/parts';
import { asked } from './components';
import { bodyNameOf, Method, Operation } from './docs-operation';
import { Members, typeOf, Words } from './docs-schema';
import type { Document, Schema } from './document';
import { ORIGIN, type Placed, type Reference } from './reference';

/** A page of the API's description for people, in HTML: no script, nothing from elsewhere. */
export type RenderedPage = { title: string; ways: string; body: string };

/** The pages, by what stands in their address; `''` is the overview. Each link to a part leads to the page that has it. */
export function renderApi(reference: Reference): Map<string, RenderedPage> {
  const { document, nouns, shared } = reference;
  const bodies = new Map([
    ['', ['API reference', String(<Overview {...reference} />)]],
    ...nouns.map(({ id, name, ...noun }): [string, string[]] => [
      id,
      [name, String(<Noun name={name} {...noun} document={document} />)],
    ]),
    [SCHEMAS, ['Schemas', String(<Shared names={shared} document={document} />)]],
  ]);
  const homes = new Map<string, string>();
  for (const [page, [, body = '']] of bodies)
    for (const [, id = ''] of body.matchAll(/ id="([^"]*)"/g)) homes.set(id, page);
  const pages = [...bodies].map(([id, [title = '', body = '']]): [string, RenderedPage] => {
    const ways = [...bodies].map(([to, [text = '']]) => (
      <a href={addressOf(to)} aria-current={to === id ? 'page' : undefined}>
        {to ? text : 'Overview'}
      </a>
    ));
    const placed = body.replaceAll(/ href="#([^"]*)"/g, (link, anchor: string) => {
      const home = homes.get(anchor) ?? '';
      return home === id ? link : ` href="${addressOf(home)}#${anchor}"`;
    });
    return [id, { title, ways: ways.join(''), body: placed }];
  });
  return new Map(pages);
}

const SCHEMAS = 'schemas';

function addressOf(page: string): string {
  return page ? `/api/docs?noun=${page}` : '/api/docs';
}

/** How to authenticate, and every noun with its operations. It has each id that the other pages have, with the way there. */
function Overview({ document, nouns, shared }: Reference) {
  return (
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
      {nouns.map(({ id, name, description, placed, schemas }) => (
        <section id={id} class="stack">
          <div class="stack tight">
            <h2>
              <a href={addressOf(id)}>{name}</a>
            </h2>
            <p class="muted">{description}</p>
          </div>
          <ul class="list">
            {placed.map(({ method, path, operation: { operationId, summary } }) => (
              <li id={operationId}>
                <Method of={method} />
                <a href={`#${operationId}`}>
                  <code>{path}</code>
                </a>
                <small>{summary}</small>
              </li>
            ))}
          </ul>
          <SchemaLinks names={schemas} />
        </section>
      ))}
      <section id={SCHEMAS} class="stack">
        <h2>
          <a href={addressOf(SCHEMAS)}>Schemas</a>
        </h2>
        <SchemaLinks names={shared} />
      </section>
    </>
  );
}

function SchemaLinks({ names }: { names: readonly string[] }) {
  if (!names.length) return null;
  return (
    <p class="row small">
      {names.map((name) => (
        <code id={`schema-${name}`}>{typeOf({ $ref: name })}</code>
      ))}
    </p>
  );
}

type NounProps = Omit<Reference['nouns'][number], 'id'> & { document: Document };

/** A noun's operations and schemas. A schema that one of them takes is described with it. */
function Noun({ name, description, placed, schemas, document }: NounProps) {
  const bodies = placed.flatMap(({ operation }) => bodyNameOf(operation) ?? []);
  const others = schemas.filter((schema) => !bodies.includes(schema));
  const isFirst = (one: Placed) =>
    placed.find(({ operation }) => bodyNameOf(operation) === bodyNameOf(one.operation)) === one;
  return (
    <>
      <Head title={name} lead={description} crumbs={[{ href: '/api/docs', text: 'API reference' }]} />
      <section class="stack">
        <h2>Operations</h2>
        {placed.map((one) => (
          <Operation {...one} document={document} describes={isFirst(one)} />
        ))}
      </section>
      {others.length > 0 && (
        <section class="stack">
          <h2>Schemas</h2>
          <NamedSchemas names={others} document={document} />
        </section>
      )}
    </>
  );
}

/** Schemas that operations of several nouns name, or none does. */
function Shared({ names, document }: { names: readonly string[]; document: Document }) {
  return (
    <>
      <Head title="Schemas" crumbs={[{ href: '/api/docs', text: 'API reference' }]} />
      <section class="stack">
        <h2>Of several, or of none</h2>
        <NamedSchemas names={names} document={document} />
      </section>
    </>
  );
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

function NamedSchemas({ names, document }: { names: readonly string[]; document: Document }) {
  const { schemas } = document.components;
  return (
    <>
      {names.map((name) => (
        <NamedSchema name={name} schema={schemas[name] ?? {}} isAnswer={!(name in asked)} />
      ))}
    </>
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
