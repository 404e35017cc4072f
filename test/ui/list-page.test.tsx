import { describe, expect, it } from 'vitest';
import { ListPage } from '../../src/ui/list-page';

const WORDS = {
  find: 'Find a tea by name',
  none: 'No tea begins with',
  noMore: 'There are no more teas',
  all: 'Show all teas',
};

const shown = (rows: string[], { search = '', offset = 0, total = rows.length, isSearched = true }) =>
  String(
    <ListPage
      title="Teas"
      at="/admin/teas"
      columns={[{ name: 'Tea' }]}
      words={WORDS}
      row={(name: string) => (
        <tr>
          <td>{name}</td>
        </tr>
      )}
      limit={2}
      {...{ rows, search, offset, total, isSearched }}
    >
      <p>There is no tea yet</p>
    </ListPage>,
  );

describe('a page with a list', () => {
  it('shows its rows, how many there are, and the ways on, within what was looked for', () => {
    const html = shown(['Assam', 'Darjeeling'], { search: 'a&b', offset: 2, total: 5 });

    expect(html).toContain('<table aria-label="Teas">');
    expect(html).toContain('<td>Assam</td>');
    expect(html).toContain('3–4 of 5');
    expect(html).toContain('href="/admin/teas?search=a%26b&amp;offset=0"');
    expect(html).toContain('href="/admin/teas?search=a%26b&amp;offset=4"');
    expect(html).toContain('value="a&amp;b"');
  });

  it('tells nothing found from nothing more, and both from nothing yet', () => {
    expect(shown([], { search: '<x>', total: 3 })).toContain('No tea begins with “&lt;x&gt;”');
    expect(shown([], { offset: 4, total: 3 })).toContain('There are no more teas');
    expect(shown([], { offset: 4, total: 3 })).toContain('Previous');
    for (const part of [{ search: 'x' }, { offset: 4 }]) {
      expect(shown([], part)).toContain('<a class="button" href="/admin/teas">Clear search</a>');
      expect(shown([], part)).not.toContain('There is no tea yet');
    }
    expect(shown([], {})).toContain('There is no tea yet');
    expect(shown([], {})).not.toContain(' of ');
  });

  it('has no search where there is nothing to look through', () => {
    expect(shown([], {})).toContain('type="search"');
    expect(shown([], { isSearched: false })).not.toContain('type="search"');
  });
});
