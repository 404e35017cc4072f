import type { Results } from '../measure/results.ts';
import { SIZES, sizeName } from '../rows/grants.ts';
import { LISTS, listRow } from '../rows/lists.ts';
import { REFUSAL_NAMES, refusalRow } from '../rows/refusals.ts';
import { type Group, type Plot, plotOf } from './plot.ts';

/** A chart of the page: its file in docs/performance, and what it says to people who do not see it. */
export type Drawn = { file: string; alt: string; svg: string };

/** Of each side, told apart on white and on black, and by people who do not see red and green. */
const COLOURS: Record<string, string> = {
  direct: '#8a8f98',
  forwarder: '#3b82d0',
  peer: '#e08a1e',
  toolgate: '#18a17e',
  'toolgate at /mcp': '#b65cc4',
  'toolgate ES256': '#b65cc4',
  'toolgate, assets road': '#d05a5a',
};
const OTHERS = ['#8a8f98', '#3b82d0', '#18a17e'];

const inColour = (names: readonly string[]) =>
  names.map((name, at) => ({ name, colour: COLOURS[name] ?? OTHERS[at % OTHERS.length] ?? '' }));

/** Every chart. */
export function plotsOf(results: Results): Drawn[] {
  return [
    drawn('latency', byParallel(results, 'tools/call, JSON answer')),
    drawn('cpu', cpuOfOperations(results)),
    drawn('grants', cpuByGrants(results)),
    drawn('lists', cpuOfLists(results)),
  ];
}

function drawn(name: string, plot: Plot): Drawn {
  return { file: `${name}.svg`, alt: `${plot.title} (${plot.unit})`, svg: plotOf(plot) };
}

function byParallel(results: Results, row: string): Plot {
  const series = ['direct', 'forwarder', 'peer', 'toolgate', 'toolgate at /mcp', 'toolgate, assets road'];
  const groups = results.parallels(row).map((parallel) => ({
    label: `${parallel} at once`,
    values: series.map((side) => results.ratio(row, side, 'forwarder', parallel, 'p50')),
  }));
  return { title: `${row}: p50`, unit: '× forwarder', series: inColour(series), groups, mark: 1 };
}

function cpuOfOperations(results: Results): Plot {
  const series = ['forwarder', 'peer', 'toolgate', 'toolgate ES256'];
  const rows: [row: string, parallel: number][] = [
    ['registration', 16],
    ['code for tokens', 8],
    ['refresh', 16],
    ['tools/call, JSON answer', 16],
    ['tools/call, SSE answer', 16],
    ['ping', 16],
    ...REFUSAL_NAMES.map((refused): [string, number] => [refusalRow(refused), 16]),
  ];
  const groups = rows.map(([label, parallel]) => ({
    label,
    values: series.map((side) => results.figure(label, side, parallel, 'cpu')),
  }));
  return { title: 'CPU of workerd for an operation', unit: 'µs', series: inColour(series), groups };
}

function cpuByGrants(results: Results): Plot {
  const series = SIZES.map(sizeName);
  const groups = ['refresh', 'tools/call'].map((operation): Group => {
    const row = `${operation}, by grants in the index`;
    return { label: operation, values: series.map((side) => results.figure(row, side, 8, 'cpu')) };
  });
  return { title: 'CPU by grants in the index', unit: 'µs', series: inColour(series), groups };
}

function cpuOfLists(results: Results): Plot {
  const groups = LISTS.map(({ servers }) => ({
    label: listRow(servers),
    values: [results.figure(listRow(servers), 'toolgate', 1, 'cpu') / 1000],
  }));
  return { title: 'tools/list, all pages, warm: CPU', unit: 'ms', series: inColour(['toolgate']), groups };
}
