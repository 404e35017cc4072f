/** Glyphs on a grid of 20 × 20, drawn for Toolgate: none is a logo. */
const PATHS = {
  // What pages say and do.
  gate: 'M3.5 17.5v-9a6.5 6.5 0 0 1 13 0v9M7.8 17.5V10M12.2 17.5V10M3.5 13.5h13',
  search: 'M8.8 3.3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M13 13l4 4',
  copy: 'M7.5 7.5h9v9h-9zM12.5 7.5v-4h-9v9h4',
  check: 'M4 10.5l4 4 8-9',
  plus: 'M10 4v12M4 10h12',
  chevron: 'M8 5l5 5-5 5',
  arrow: 'M3.5 10h13M12 5.5l4.5 4.5-4.5 4.5',
  external: 'M8 4H4v12h12v-4M11.5 4H16v4.5M16 4l-7 7',
  info: 'M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15M10 9.5V14M10 6.3v.1',
  warn: 'M10 3L2.3 16.5h15.4zM10 8.5v4M10 14.6v.1',
  error: 'M6.7 2.5h6.6l4.2 4.2v6.6l-4.2 4.2H6.7l-4.2-4.2V6.7zM10 6.2V11M10 13.7v.1',
  read: 'M2 10s3-5.5 8-5.5 8 5.5 8 5.5-3 5.5-8 5.5S2 10 2 10M10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4',
  write: 'M4 16l.8-3.4 8.2-8.2 2.6 2.6-8.2 8.2z',
  remove: 'M3.5 5.5h13M8 5.5V3h4v2.5M5.4 5.5l.8 11.5h7.6l.8-11.5',
  overview: 'M3 17V9.5h3.5V17M8.3 17V3h3.5v14M13.5 17V6.5H17V17',
  server: 'M3 3.5h14V9H3zM3 11h14v5.5H3zM6 6.3v.1M6 13.8v.1',
  toolset: 'M3 7h14v9.5H3zM7.5 7V3.8h5V7M3 11h14M10 10v2',
  key: 'M13 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10.2 9.8L3 17M5.3 14.7l2.2 2.2',
  person: 'M10 3a3.4 3.4 0 1 0 0 6.8A3.4 3.4 0 0 0 10 3M3.5 17c.6-3.4 3.2-5 6.5-5s5.9 1.6 6.5 5',
  app: 'M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z',
  audit: 'M5 2.5h10v15H5zM8 6.5h4M8 10h4M8 13.5h2',
  settings: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  // Servers.
  github:
    'M6 6.5v7M6 6.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M6 17.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M14.5 8.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M14.5 8.5c0 3-4 2.5-8 4',
  google: 'M3 4.5h14v11H3zM3 6l7 5.5L17 6',
  slack: 'M8 3L6.5 17M13.5 3L12 17M3.5 7.3h14M2.5 12.7h14',
  entra: 'M10 2.5l6.5 2.3V10c0 4-3 6.4-6.5 7.5C6.5 16.4 3.5 14 3.5 10V4.8zM10 8v4',
  notion: 'M5 2.5h7l3 3v12H5zM8 9h4M8 12.5h4',
  linear: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M7 10l2.2 2.2L13 8',
  atlassian: 'M3 4h14v12H3zM7.7 4v12M12.3 4v12',
  sentry: 'M2.5 11H6l2.2-6 3.6 11 2.2-5h3.5',
  // Apps.
  'claude-code': 'M3.5 5.5L8 10l-4.5 4.5M10 14.5h6.5',
  claude: 'M15.5 6.2a6.5 6.5 0 1 0 0 7.6M10 10v.1',
  chatgpt: 'M3 4h14v9.5H9L5.5 17v-3.5H3zM6.5 8.7h7',
  codex: 'M7 5.5L2.5 10 7 14.5M13 5.5l4.5 4.5-4.5 4.5',
  cursor: 'M7 3.5c2 0 3 .7 3 2v9c0 1.3-1 2-3 2M13 3.5c-2 0-3 .7-3 2M10 14.5c0 1.3 1 2 3 2',
  vscode: 'M3 3.5h14v13H3zM8 3.5v13M11 7.5h3M11 10.5h3',
  windsurf: 'M2.5 5l3.7 10L10 6.5 13.8 15l3.7-10',
  zed: 'M4.5 4.5h11l-11 11h11',
  jetbrains: 'M12.5 3.5v8a3.5 3.5 0 0 1-7 0M5.5 17h6',
  'gemini-cli': 'M3.5 5.5L8 10l-4.5 4.5M10 5.5l4.5 4.5-4.5 4.5',
  cline: 'M4 7.5h12v8.5H4zM10 7.5v-4M7.5 11v1.5M12.5 11v1.5',
  goose: 'M15 6a6.5 6.5 0 1 0 1.3 5H11',
  raycast: 'M6 17V3.5h5.2a3.8 3.8 0 0 1 0 7.6H6M10.5 11.1L15 17',
  'lm-studio': 'M3.5 5h13M3.5 10h8.5M3.5 15h11',
  inspector: 'M9 3a5.5 5.5 0 1 0 0 11A5.5 5.5 0 0 0 9 3M13 13l4 4M7 8.5h4M9 6.5v4',
  own: 'M7.5 3.5c-2 0-2.5 1-2.5 2.5 0 2.5-.5 3.5-2 4 1.5.5 2 1.5 2 4 0 1.5.5 2.5 2.5 2.5M12.5 3.5c2 0 2.5 1 2.5 2.5 0 2.5.5 3.5 2 4-1.5.5-2 1.5-2 4 0 1.5-.5 2.5-2.5 2.5',
};

export type Glyph = keyof typeof PATHS;

/** True for a name that has a glyph. */
export function isGlyph(name: string): name is Glyph {
  return Object.hasOwn(PATHS, name);
}

/** A glyph beside words: it says nothing of its own. Inline, so that nothing is fetched. */
export function Icon({ of }: { of: Glyph }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[of]} />
    </svg>
  );
}
