import { type ListedKey, stateOf } from '../../../governance/key-list';
import { countOf } from '../../../ui/english';
import { Csrf, Dock } from '../../../ui/forms';
import { Cut } from '../../../ui/name';
import { Empty, Filter, Search } from '../../../ui/parts';
import { Pager } from '../../../ui/table';
import type { Page } from '../../api/request';
import type { FormFields } from '../api';
import { KeyBadge } from '../keys/list';

/** How many keys stand on a page: with the longest of names it stays under 100 KB. */
export const KEYS_A_PAGE = 80;

type ToolsetKeysProps = {
  id: string;
  keys: readonly ListedKey[];
  total: number;
  page: Page;
  /** Ids of the keys that may use the toolset, on this page or not. */
  attached: ReadonlySet<string>;
  csrf: string;
  seen: string;
};

/** Which keys may use a toolset. Only what stands on the page is decided by its form. */
export function ToolsetKeys({
  id,
  keys,
  total,
  page: { search, limit, offset },
  attached,
  csrf,
  seen,
}: ToolsetKeysProps) {
  const at = `/admin/toolsets/${id}/keys`;
  const isWhole = total <= limit && !search;
  if (!keys.length && isWhole) {
    return (
      <Empty title="No access keys yet" glyph="key">
        <p>Apps use a toolset with an access key. Create one, then select it here.</p>
        <div class="row">
          <a class="button primary" href="/admin/keys/new">
            Create key
          </a>
        </div>
      </Empty>
    );
  }
  return (
    <>
      {!isWhole && (
        <Search
          label="Find by name, owner or last 4 characters"
          value={search}
          beside={
            search && (
              <a class="button" href={at}>
                Show all keys
              </a>
            )
          }
        />
      )}
      {keys.length ? (
        <form class="stack wide" method="post">
          <Csrf value={csrf} seen={seen} />
          <section class="card stack" aria-labelledby="can">
            <div class="stack tight">
              <h2 id="can">Used by {countOf(attached.size, 'key')}</h2>
              <p class="muted">A key that can use it also gets these tools at /mcp.</p>
            </div>
            {isWhole && keys.length > 8 && <Filter list="toolset-keys" label="Find a key" />}
            <ul class="list" id="toolset-keys">
              {keys.map((key) => (
                <KeyCheck key_={key} isTicked={attached.has(key.id)} />
              ))}
            </ul>
          </section>
          <Dock />
        </form>
      ) : (
        <Empty title={search ? `No keys match “${search}”` : 'There are no more keys'} glyph="search" />
      )}
      {!isWhole && (
        <>
          <p class="muted">Save before you open another page: only the keys you see are saved.</p>
          <Pager
            total={total}
            offset={offset}
            limit={limit}
            count={keys.length}
            one="key"
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
      <label class="check grow">
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
