import type { Child } from 'hono/jsx';
import { Icon } from '../../../ui/icons';
import { Cut } from '../../../ui/name';
import { described } from '../../../ui/parts';
import type { ArgumentField, Control } from './schema-form';

type FieldsProps = {
  fields: readonly ArgumentField[];
  /** What was entered before, by the name of the control; undefined: nothing was sent yet. */
  sent: ((name: string) => readonly string[]) | undefined;
  errors: ReadonlyMap<string, string>;
};

/** The controls for a tool's arguments. */
export function SchemaFields({ fields, sent, errors }: FieldsProps) {
  return (
    <>
      {fields.map((field) => (
        <SchemaField field={field} values={sent?.(field.name) ?? field.initial} {...{ sent, errors }} />
      ))}
    </>
  );
}

type FieldProps = Omit<FieldsProps, 'fields'> & { field: ArgumentField; values: readonly string[] };

function SchemaField({ field, values, sent, errors }: FieldProps) {
  const { name, hint, control } = field;
  const error = errors.get(name);
  if (control.kind === 'group' || control.kind === 'choices') {
    return (
      <fieldset class="group" aria-describedby={error && `${name}-error`}>
        <legend class="label">
          <Label field={field} /> <Remark field={field} />
        </legend>
        {hint && <small>{hint}</small>}
        {error && <Wrong name={name}>{error}</Wrong>}
        {control.kind === 'group' ? (
          <SchemaFields fields={control.fields} {...{ sent, errors }} />
        ) : (
          control.options.map((option, at) => (
            <label class="check">
              <input
                type="checkbox"
                name={name}
                value={JSON.stringify(option)}
                checked={values.includes(JSON.stringify(option))}
              />
              <span>{control.words[at]}</span>
            </label>
          ))
        )}
      </fieldset>
    );
  }
  return (
    <div class="field">
      <label for={name}>
        <Label field={field} /> <Remark field={field} />
      </label>
      <Entry {...{ field, values, error }} control={control} />
      {error && <Wrong name={name}>{error}</Wrong>}
      {hint && <small id={`${name}-hint`}>{hint}</small>}
    </div>
  );
}

function Label({ field: { label, member } }: { field: ArgumentField }) {
  return label === member ? (
    <code>
      <Cut of={label} />
    </code>
  ) : (
    <span>{label}</span>
  );
}

function Wrong({ name, children }: { name: string; children?: Child }) {
  return (
    <span class="error" id={`${name}-error`} role="alert">
      <Icon of="error" />
      {children}
    </span>
  );
}

const KINDS: Readonly<Partial<Record<Control['kind'], string>>> = {
  yes_no: 'yes or no',
  choice: 'one of',
  choices: 'any of',
  lines: 'one per line',
  json: 'JSON',
};

/** What is entered, and whether it has to be. */
function Remark({ field: { control, isRequired, isDemanded } }: { field: ArgumentField }) {
  const kind =
    control.kind === 'number' ? (control.isWhole ? 'whole number' : 'number') : KINDS[control.kind];
  const need = isDemanded ? 'required' : isRequired ? 'required with the others here' : 'optional';
  return <small>{[kind, need].filter(Boolean).join(', ')}</small>;
}

type EntryProps = {
  field: ArgumentField;
  control: Exclude<Control, { kind: 'group' | 'choices' }>;
  values: readonly string[];
  error: string | undefined;
};

function Entry({ field, control, values, error }: EntryProps) {
  const { name, hint, isRequired, isDemanded, initial } = field;
  const [value = ''] = values;
  const attributes = { ...described(name, { hint, error }), required: isDemanded };
  switch (control.kind) {
    case 'yes_no':
    case 'choice': {
      const options =
        control.kind === 'yes_no'
          ? [
              ['true', 'Yes'],
              ['false', 'No'],
            ]
          : control.options.map((option, at) => [JSON.stringify(option), control.words[at]]);
      const mayBeLeftOut = !isRequired || !initial.length;
      return (
        <select class="input" {...attributes}>
          {mayBeLeftOut && <option value="">{isRequired ? 'Choose…' : 'Leave out'}</option>}
          {options.map(([option, words]) => (
            <option value={option} selected={option === value}>
              {words}
            </option>
          ))}
        </select>
      );
    }
    case 'number':
      return (
        <input
          class="input"
          type="number"
          step={control.isWhole ? 1 : 'any'}
          min={control.least ?? undefined}
          max={control.most ?? undefined}
          value={value}
          {...attributes}
        />
      );
    case 'text':
      return control.isLong ? (
        <textarea class="input" rows={3} {...attributes}>
          {value}
        </textarea>
      ) : (
        <input
          class="input"
          type="text"
          value={value}
          maxlength={control.most ?? undefined}
          autocomplete="off"
          {...attributes}
        />
      );
    case 'lines':
    case 'json':
      return (
        <textarea
          class="input mono"
          rows={control.kind === 'json' ? 5 : 3}
          spellcheck={false}
          {...attributes}
        >
          {value}
        </textarea>
      );
  }
}
