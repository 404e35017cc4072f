import { type ListedKey, stateOf } from '../../../governance/key-list';
import { Csrf } from '../../../ui/forms';
import { Cut } from '../../../ui/name';
import { Empty, Filter, Pager, Search } from '../../../ui/parts';
import type { Page } from '../../api/request';
import type { FormFields } from '../api';
import { KeyBadge } from '../keys/list';

/** How many keys stand on a page. */
export const KEYS_A_PAGE = 100;

type ToolsetKeysProps = {
  id: string;
  keys: readonly ListedKey[];
  total: number;
  page: Page;
  /** Ids of the keys that may use the toolset, on this page or not. */
  attached: ReadonlySet<string>;
  csrf: string;
};

/** Which keys may use a toolset. Only what stands on the page is decided by its form. */
export function ToolsetKeys({
  id,
  keys,
  total,
  page: { search, limit, offset },
  attached,
  csrf,
}: ToolsetKeysProps) {
  const at = `/admin/toolsets/${id}/keys`;
  const isWhole = total <= limit && !search;
  if (!keys.length && isWhole) {
    return (
      <Empty title="There is no access key yet">
        <p>
          Apps use a toolset with a key that may. <a href="/admin/keys/new">Make one</a>, then tick it here.
        </p>
      </Empty>
    );
  }
  return (
    <>
      {!isWhole && (
        <div class="row spread">
          <Search label="Find by name, owner or last 4 characters" value={search} />
          {search && <a href={at}>Show all keys</a>}
        </div>
      )}
      {keys.length ? (
        <form class="card stack" method="post">
          <Csrf value={csrf} />
          <fieldset>
            <legend>Which keys may use it</legend>
            <p class="muted">
              {attached.size === 0
                ? 'None may yet, so nobody can.'
                : `${attached.size === 1 ? '1 key' : `${attached.size.toLocaleString('en')} keys`} may now.`}{' '}
              A key gets these tools on /mcp too, besides those it has itself.
            </p>
            {isWhole && keys.length > 8 && <Filter list="toolset-keys" label="Find a key" />}
            <ul class="checks" id="toolset-keys">
              {keys.map((key) => (
                <KeyCheck key_={key} isTicked={attached.has(key.id)} />
              ))}
            </ul>
          </fieldset>
          <div class="actions">
            <button type="submit" class="button primary">
              Save
            </button>
          </div>
        </form>
      ) : (
        <Empty title={search ? `No keys match “${search}”` : 'There are no more keys'} />
      )}
      {!isWhole && (
        <>
          <p class="muted">Save before you go on: ticks count for the keys you see.</p>
          <Pager
            total={total}
            offset={offset}
            limit={limit}
            count={keys.length}
            href={(offset) => `${at}?${new URLSearchParams({ search, offset: String(offset) })}`}
          />
        </>
      )}
    </>
  );
}

function KeyCheck({ key_: key, isTicked }: { key_: ListedKey; isTicked: boolean }) {
  return (
    <li data-item>
      <input type="hidden" name="shown" value={key.id} />
      <label class="row check">
        <input type="checkbox" name="key" value={key.id} checked={isTicked} />
        <span>
          <Cut of={key.name} /> <small class="mono mask">{key.valueMask}</small>
          {key.owner && (
            <small>
              <Cut of={key.owner} />
            </small>
          )}
        </span>
      </label>
      {stateOf(key, Date.now() / 1000) !== 'active' && <KeyBadge of={key} />}
    </li>
  );
}

/** What a form changes: the keys it lets in and those it leaves out now. */
export function changesIn(
  form: FormFields,
  attached: ReadonlySet<string>,
): { added: string[]; removed: string[] } {
  const ticked = new Set(form.getAll('key'));
  const shown = form.getAll('shown');
  return {
    added: shown.filter((id) => ticked.has(id) && !attached.has(id)),
    removed: shown.filter((id) => !ticked.has(id) && attached.has(id)),
  };
}
