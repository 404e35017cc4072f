import { describe, expect, it } from 'vitest';

const sources = import.meta.glob<string>('../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Left to right as a request falls (docs/architecture.md): a room imports itself and what is to the right of it. */
const ROOMS = [
  ['index'],
  ['app'],
  ['admin', 'mcp', 'people', 'sweeps'],
  ['connect'],
  ['consent'],
  ['oauth'],
  ['mcp-client'],
  ['removal'],
  ['accounts'],
  ['providers'],
  ['servers'],
  ['kept-pages'],
  ['identity'],
  ['governance'],
  ['grants', 'clients'],
  ['audit'],
  ['flows', 'config', 'notice', 'once'],
  ['missing-secrets'],
  ['effective-settings'],
  ['settings', 'schema'],
  ['columns', 'database', 'deployment', 'log', 'metrics', 'setting', 'ui', 'crypto'],
  ['invocation'],
  ['timing'],
  ['protocol'],
];

/** Within `admin`: pages use the API's functions, and its description uses their schemas. */
const ADMIN = [['pages'], ['openapi'], ['api']];

const paths = Object.keys(sources).map((file) => file.replace('../src/', ''));
const roomOf = (path: string) => (path.split('/')[0] ?? '').replace(/\.tsx?$/, '');
const layerOf = (rooms: string[][], room: string) => rooms.findIndex((layer) => layer.includes(room));

/** Every import of this gateway, types included, as [importing file, imported file]. */
const imports = Object.entries(sources).flatMap(([file, text]) => {
  const path = file.replace('../src/', '');
  const found = [...text.matchAll(/from '(\.[^']*)'|import '(\.[^']*)'|import\('(\.[^']*)'\)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
  return found.flatMap((specifier): [string, string][] => {
    const target = new URL(specifier, `file:///src/${path}`).pathname.replace('/src/', '');
    const file = [`${target}.ts`, `${target}.tsx`, `${target}/index.ts`, `${target}/index.tsx`].find((one) =>
      paths.includes(one),
    );
    return file ? [[path, file]] : [];
  });
});

/** Files that reach themselves through what they import. */
function circles(): string[][] {
  const targets = new Map<string, string[]>();
  for (const [from, to] of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push(trail.slice(at));
    if (at >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of paths) walk(path, []);
  return found;
}

describe('the rooms of src (docs/architecture.md)', () => {
  it('are places for every source file', () => {
    const homeless = paths.filter((path) => layerOf(ROOMS, roomOf(path)) === -1);

    expect(homeless).toEqual([]);
    expect(imports.length).toBeGreaterThan(500);
  });

  it('import nothing to the left, nor across', () => {
    const upward = imports.filter(([from, to]) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      return here !== there && layerOf(ROOMS, there) <= layerOf(ROOMS, here);
    });

    expect(upward).toEqual([]);
  });

  it('keep pages, the API and its description in order', () => {
    const part = (path: string) => path.split('/')[1] ?? '';
    const upward = imports.filter(([from, to]) => {
      if (roomOf(from) !== 'admin' || roomOf(to) !== 'admin' || part(from) === part(to)) return false;
      const isMounted = part(to) === 'openapi' && from === 'admin/api/index.ts';
      return layerOf(ADMIN, part(to)) <= layerOf(ADMIN, part(from)) && !isMounted;
    });

    expect(upward).toEqual([]);
  });

  it('hold no file that imports itself through others, types included', () => {
    expect(circles()).toEqual([]);
  });

  it('declare no exported type name twice', () => {
    const names = new Map<string, string[]>();
    for (const [file, text] of Object.entries(sources)) {
      for (const [, name = ''] of text.matchAll(/^export (?:type|interface|class|enum) (\w+)/gm)) {
        names.set(name, [...(names.get(name) ?? []), file]);
      }
    }

    expect([...names].filter(([, files]) => files.length > 1)).toEqual([]);
    expect(names.size).toBeGreaterThan(200);
  });

  it('have files one can read at a sitting, and rooms one can see at a glance', () => {
    const long = Object.entries(sources).filter(([, text]) => text.split('\n').length > 351);
    const folders = Map.groupBy(paths, (path) => path.split('/').slice(0, -1).join('/'));
    const crowded = [...folders].filter(([, files]) => files.length > 25);

    expect(long.map(([file]) => file)).toEqual([]);
    expect(crowded.map(([folder]) => folder)).toEqual([]);
  });

  it('keep the vocabulary free of bindings and of everything of ours', () => {
    const pure = Object.entries(sources).filter(([file]) => file.startsWith('../src/protocol/'));
    const bound = pure.filter(([, text]) =>
      /cloudflare:workers|D1Database|KVNamespace|DurableObject/.test(text),
    );

    expect(bound.map(([file]) => file)).toEqual([]);
  });
});
