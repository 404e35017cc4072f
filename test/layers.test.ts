import { describe, expect, it } from 'vitest';

const sources = import.meta.glob<string>('../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Left to right as a request falls (ARCHITECTURE): a place imports itself and what stands to the right of it. */
const LAYERS = [
  ['index'],
  ['app'],
  ['admin', 'mcp', 'oauth', 'people', 'sweeps'],
  ['upstreams'],
  ['identity'],
  ['governance'],
  ['grants', 'clients'],
  ['audit'],
  ['flows', 'config', 'notice', 'once'],
  ['settings', 'schema'],
  ['database', 'log', 'ui', 'crypto'],
  ['protocol'],
];

const layerOf = (place: string) => LAYERS.findIndex((layer) => layer.includes(place));
const placeOf = (path: string) => (path.split('/')[0] ?? '').replace(/\.tsx?$/, '');

/** Every import of ours, as [importing file, imported place]. */
function imports(): [string, string][] {
  return Object.entries(sources).flatMap(([file, text]) => {
    const path = file.replace('../src/', '');
    const found = [...text.matchAll(/from '(\.[^']*)'|import '(\.[^']*)'/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    return found
      .map((specifier) => new URL(specifier, `file:///src/${path}`).pathname)
      .filter((target) => target.startsWith('/src/'))
      .map((target): [string, string] => [path, placeOf(target.replace('/src/', ''))]);
  });
}

describe('the layers of ARCHITECTURE', () => {
  it('has a place for every source file', () => {
    const homeless = Object.keys(sources)
      .map((file) => placeOf(file.replace('../src/', '')))
      .filter((place) => place !== 'modules.d' && layerOf(place) === -1);

    expect(homeless).toEqual([]);
    expect(imports().length).toBeGreaterThan(50);
  });

  it('lets nothing import to the left, nor across', () => {
    const upward = imports().filter(([file, target]) => {
      const from = placeOf(file);
      return from !== target && layerOf(target) <= layerOf(from);
    });

    expect(upward).toEqual([]);
  });

  it('keeps the vocabulary free of bindings and of everything of ours', () => {
    const pure = Object.entries(sources).filter(([file]) => file.startsWith('../src/protocol/'));
    const bound = pure.filter(([, text]) =>
      /cloudflare:workers|D1Database|KVNamespace|DurableObject/.test(text),
    );

    expect(bound.map(([file]) => file)).toEqual([]);
  });
});
