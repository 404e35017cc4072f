/** Bars of one row: a value for each series; NaN: there is none. */
export type Group = { label: string; values: readonly number[] };

/** What each bar of a group is of. */
type Series = { name: string; colour: string };

export type Plot = {
  title: string;
  unit: string;
  series: readonly Series[];
  groups: readonly Group[];
  /** A line across the bars, such as where two sides are the same. */
  mark?: number;
};

const WIDTH = 760;
const LABEL = 250;
const RIGHT = 70;
const BAR = 13;
const GAP = 12;
const TOP = 62;
const BOTTOM = 30;

/** A chart of horizontal bars, as SVG that is legible on a light and on a dark page. */
export function plotOf({ title, unit, series, groups, mark }: Plot): string {
  const most = Math.max(mark ?? 0, ...groups.flatMap(({ values }) => values.filter(Number.isFinite)));
  const { step, end } = scaleOf(most);
  const x = (value: number) => LABEL + (value / end) * (WIDTH - LABEL - RIGHT);
  const parts: string[] = [];
  let y = TOP;
  for (const { label, values } of groups) {
    const bars = values.flatMap((value, at) => (Number.isFinite(value) ? [{ value, at }] : []));
    const middle = y + (bars.length * BAR) / 2;
    parts.push(text(LABEL - 10, middle + 4, label, 'end'));
    for (const { value, at } of bars) {
      const { name = '', colour = '' } = series[at] ?? {};
      const width = Math.max(1, x(value) - LABEL);
      parts.push(
        `<rect x="${LABEL}" y="${y}" width="${short(width)}" height="${BAR - 2}" fill="${colour}"><title>${escapeXml(`${name}: ${digits(value)} ${unit}`)}</title></rect>`,
        text(LABEL + width + 5, y + BAR - 3, digits(value), 'start', 'small'),
      );
      y += BAR;
    }
    y += GAP;
  }
  const bottom = y;
  const lines: string[] = [];
  for (let value = 0; value <= end + step / 2; value += step) {
    lines.push(
      `<line class="grid" x1="${short(x(value))}" x2="${short(x(value))}" y1="${TOP - 6}" y2="${bottom - 4}"/>`,
    );
    lines.push(text(x(value), bottom + 12, digits(value), 'middle', 'small'));
  }
  if (mark !== undefined)
    lines.push(
      `<line class="mark" x1="${short(x(mark))}" x2="${short(x(mark))}" y1="${TOP - 6}" y2="${bottom - 4}"/>`,
    );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" width="${WIDTH}" height="${bottom + BOTTOM}" role="img" aria-label="${escapeXml(`${title}, ${unit}`)}">
<style>${STYLE}</style>
${text(10, 20, `${title} (${unit})`, 'start', 'title')}
${legendOf(series)}
${lines.join('\n')}
${parts.join('\n')}
</svg>
`;
}

const STYLE = `text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px}.title{font-size:14px;font-weight:600}
.grid{stroke:#8a8f98;stroke-opacity:.3}.mark{stroke:#24292f;stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.mark{stroke:#e6edf3}}`;

function legendOf(series: readonly Series[]): string {
  let x = 10;
  return series
    .map(({ name, colour }) => {
      const swatch = `<rect x="${x}" y="34" width="10" height="10" fill="${colour}"/>`;
      const label = text(x + 15, 43, name, 'start');
      x += 30 + name.length * 7;
      return swatch + label;
    })
    .join('\n');
}

function text(x: number, y: number, said: string, anchor: string, style?: string): string {
  const look = style ? ` class="${style}"` : '';
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${look}>${escapeXml(said)}</text>`;
}

/** Where the axis ends, and how far its lines are apart: 1, 2 or 5 times a power of ten. */
function scaleOf(most: number): { step: number; end: number } {
  const rough = (most || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return { step, end: step * Math.ceil((most || 1) / step) };
}

function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toFixed(2)));
}

const short = (value: number) => String(Math.round(value * 10) / 10);

export function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
