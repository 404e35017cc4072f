import type { VirtualMcp } from '../../../governance/virtual-mcps';
import type { ServerChoice } from '../../../servers/summaries';
import { Csrf, Dock } from '../../../ui/forms';
import { Input } from '../../../ui/parts';
import type { FormFields, Refused } from '../api';
import { type Picked, pickedIn, pickedOf, readingOf, toolNames, unpicked } from '../picked';
import { ToolPicker } from '../tool-picker';
import { labelsIn } from '../words/refusals';

type ToolsetFormProps = {
  /** Null: a new one. */
  known: VirtualMcp | null;
  servers: readonly ServerChoice[];
  csrf: string;
  seen?: string;
  /** What was sent and not taken, to be shown again. */
  sent?: FormFields | undefined;
  refused?: Refused | undefined;
};

/** What a toolset is called and holds; the same form makes one and changes one. */
export function ToolsetForm({ known, servers, csrf, seen = '', sent, refused }: ToolsetFormProps) {
  const text = (name: string, value: string) => sent?.get(name) ?? value;
  const wrong = (member: string) => (refused?.field.split('.')[0] === member ? refused.message : undefined);
  return (
    <form class="stack wide" method="post" action={known ? `${AT}/${known.id}` : `${AT}/new`}>
      {/* What Enter means: the first button of a form. */}
      <button type="submit" hidden />
      <Csrf value={csrf} seen={seen} />
      <section class="card stack wide">
        <Input
          name="name"
          label="Name"
          required
          maxlength={200}
          value={text('name', known?.name ?? '')}
          error={wrong('name')}
          hint="The job it is for, such as “On call” or “Reading the wiki”."
        />
        {!known && (
          <Input
            name="endpoint_slug"
            label="Address"
            isOptional
            mono
            maxlength={64}
            value={text('endpoint_slug', '')}
            error={wrong('endpoint_slug')}
            hint="The part after /mcp/: lower-case letters, digits and hyphens. Empty: made from the name. It can’t be changed later."
          />
        )}
        <Input
          name="description"
          label="Notes"
          isOptional
          maxlength={2000}
          value={text('description', known?.description ?? '')}
          error={wrong('description')}
        />
        {known && (
          <label class="check">
            <input
              type="checkbox"
              name="enabled"
              value="on"
              checked={sent ? sent.get('enabled') === 'on' : known.enabled}
            />
            <span>
              On
              <small>Turn off to stop its address and take its tools from its keys within seconds.</small>
            </span>
          </label>
        )}
      </section>
      <ToolPicker
        servers={servers}
        picked={pickedOfToolset(known, servers)}
        sent={sent}
        error={wrong('tools')}
        title="Tools of"
      />
      <Dock {...(known ? {} : { text: 'Create toolset', busy: 'Creating…' })} back={AT} />
    </form>
  );
}

const AT = '/admin/toolsets';

/** What the API's refusals call the members of {@link ToolsetForm}. */
export const TOOLSET_WORDS = labelsIn({
  name: 'The name',
  endpoint_slug: 'The address',
  description: 'The notes',
  tools: 'What was chosen of a server',
});

function pickedOfToolset(known: VirtualMcp | null, servers: readonly ServerChoice[]): Picked {
  const names = new Map(servers.map(({ id, name }) => [id, name]));
  return pickedOf(
    (known?.tools ?? [])
      .filter(
        ({ tool_names, allow_resources, allow_prompts }) =>
          tool_names.length || allow_resources || allow_prompts,
      )
      .flatMap(({ mcp_client_id, tool_names, ...reading }) => {
        const name = names.get(mcp_client_id);
        return name === undefined ? [] : [[name, tool_names, reading] as const];
      }),
  );
}

/** The terms a form states, as the API takes them. @param known null: it makes one */
export function toolsetIn(
  form: FormFields,
  servers: readonly ServerChoice[],
  known: VirtualMcp | null,
): { ok: true; terms: Record<string, unknown> } | Refused {
  const picked = pickedIn(form, servers, pickedOfToolset(known, servers));
  const empty = unpicked(picked);
  if (empty) return { ok: false, status: 400, message: empty, field: 'tools' };
  const ids = new Map(servers.map(({ id, name }) => [name.toLowerCase(), id]));
  const gone = [...picked.keys()].find((name) => !ids.has(name));
  if (gone)
    return { ok: false, status: 400, message: `The server ${gone} was deleted. Remove it.`, field: 'tools' };
  const terms = {
    name: form.get('name') ?? '',
    description: form.get('description') ?? '',
    tools: [...picked].map(([name, pick]) => ({
      mcp_client_id: ids.get(name),
      tool_names: toolNames(pick),
      ...readingOf(pick),
    })),
    ...(known === null
      ? form.get('endpoint_slug') && { endpoint_slug: form.get('endpoint_slug') }
      : { enabled: form.get('enabled') === 'on' }),
  };
  return { ok: true, terms };
}
