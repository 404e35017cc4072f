import type { Child } from 'hono/jsx';
import type { Schema } from './document';

/** Words with their `code` as such. */
export function Words({ text }: { text: string }) {
  return <>{text.split('`').map((part, at) => (at % 2 ? <code>{part}</code> : part))}</>;
}

/**
 * The members of an object, each with its type and what it is; of a list, those of its items. Of what is sent those that
 * must be there are marked, of what is answered those that may be missing.
 */
export function Members({ schema, isAnswer = false }: { schema: Schema; isAnswer?: boolean }) {
  const object = objectIn(schema);
  const options = schema.oneOf?.filter((option) => option.properties);
  if (options?.length) return <Options options={options} isAnswer={isAnswer} />;
  if (!Object.keys(object?.properties ?? {}).length) return null;
  const required = object?.required ?? [];
  return (
    <dl class="facts">
      {Object.entries(object?.properties ?? {}).map(([name, member]) => (
        <Member
          name={name}
          schema={member}
          mark={required.includes(name) ? !isAnswer && 'required' : isAnswer && 'may be missing'}
          isAnswer={isAnswer}
        />
      ))}
    </dl>
  );
}

/** Kinds of one thing: what all have, then what each has besides, by the member that tells them apart. */
function Options({ options, isAnswer }: { options: Schema[]; isAnswer: boolean }) {
  const [first, ...others] = options;
  const common = Object.entries(first?.properties ?? {}).filter(([name, member]) =>
    others.every(({ properties }) => JSON.stringify(properties?.[name]) === JSON.stringify(member)),
  );
  const names = new Set(common.map(([name]) => name));
  return (
    <>
      <Members schema={{ ...first, properties: Object.fromEntries(common) }} isAnswer={isAnswer} />
      {options.map(({ properties = {}, required = [] }) => {
        const own = Object.entries(properties).filter(([name]) => !names.has(name));
        const [kind, { const: value } = {}] = own.find(([, member]) => member.const !== undefined) ?? [];
        const rest = own.filter(([name]) => name !== kind);
        return (
          <div class="group stack tight">
            <p>
              With <code>{kind}</code> <code>{JSON.stringify(value)}</code>
              {kind && !required.includes(kind) && ', or without it'}
              {rest.length ? ':' : ': nothing more.'}
            </p>
            <Members schema={{ properties: Object.fromEntries(rest), required }} isAnswer={isAnswer} />
          </div>
        );
      })}
    </>
  );
}

type MemberProps = { name: string; schema: Schema; mark: string | false; isAnswer?: boolean };

/** One member or parameter. */
export function Member({ name, schema, mark, isAnswer }: MemberProps) {
  const { description } = schema;
  const isNested = Boolean(objectIn(schema)?.properties);
  return (
    <>
      <dt>
        <code>{name}</code>
      </dt>
      <dd>
        {typeOf(schema)}
        {mark && `, ${mark}`}
        {description && (
          <small>
            <Words text={description} />
          </small>
        )}
        {isNested && (
          <div class="group">
            <Members schema={schema} isAnswer={isAnswer} />
          </div>
        )}
      </dd>
    </>
  );
}

/** The object whose members are to be shown: the schema itself, what it lists, or what it is when not null. */
function objectIn(schema: Schema): Schema | null {
  if (schema.properties) return schema;
  if (schema.items) return objectIn(schema.items);
  const [object, ...others] = (schema.anyOf ?? []).filter((option) => option.type !== 'null');
  return object && !others.length ? objectIn(object) : null;
}

/** A type in a few words, with a way to the schemas it names. */
export function typeOf(schema: Schema): Child {
  if (schema.$ref) {
    const name = nameIn(schema.$ref);
    return <a href={`#schema-${name}`}>{name}</a>;
  }
  const options = schema.anyOf ?? schema.oneOf;
  if (options) {
    return <>{options.map((option, at) => [at > 0 && ' or ', typeOf(option)])}</>;
  }
  if (schema.enum) return <>{[oneOf(schema.enum), limitsOf(schema).map((limit) => `, ${limit}`)]}</>;
  if (schema.const !== undefined) return <code>{JSON.stringify(schema.const)}</code>;
  if (schema.type === 'array') return <>list of {schema.items ? typeOf(schema.items) : 'anything'}</>;
  const { additionalProperties } = schema;
  if (schema.type === 'object' && !schema.properties && typeof additionalProperties === 'object') {
    return <>map to {typeOf(additionalProperties)}</>;
  }
  const types = [schema.type ?? 'anything'].flat().join(' or ');
  return [schema.format === 'date-time' ? types.replace('string', 'time') : types, ...limitsOf(schema)].join(
    ', ',
  );
}

function oneOf(values: readonly unknown[]): Child {
  return values.map((value, at) => [at > 0 && ' or ', <code>{JSON.stringify(value)}</code>]);
}

/** What a value is held to, in words. */
function limitsOf(schema: Schema): string[] {
  const { minimum: least, maximum: most, minLength, maxLength, default: preset } = schema;
  return [
    ...(least !== undefined && most !== undefined ? [`${least} to ${most}`] : []),
    ...(least !== undefined && most === undefined ? [`${least} or more`] : []),
    ...(least === undefined && most !== undefined ? [`at most ${most}`] : []),
    ...(minLength && minLength > 1 ? [`at least ${minLength} characters`] : []),
    ...(maxLength ? [`at most ${maxLength} characters`] : []),
    ...(preset !== undefined && preset !== '' ? [`default ${JSON.stringify(preset)}`] : []),
  ];
}

export function nameIn(ref: string): string {
  return ref.split('/').at(-1) ?? '';
}
