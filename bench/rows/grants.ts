import { calling } from './mcp.ts';
import { refreshing } from './oauth.ts';
import type { Row } from './row.ts';

/** Grants in the index of each of three gateways, and how many of them have an object at the most. */
export const SIZES = [10, 10_000, 100_000];
export const OBJECTS = 1_000;
export const QUICK_SIZES = [10, 100, 1_000];
export const QUICK_OBJECTS = 20;

export const sizeName = (size: number) => `${size.toLocaleString('en-US')} grants`;

/** Eight senders use the same eight grants in each gateway: only the size differs. */
const SENDERS = 8;

export function grantRows(sizes: readonly number[]): Row[] {
  const sides = sizes.map(sizeName);
  return [
    {
      name: 'refresh, by grants in the index',
      sides,
      amounts: [{ parallel: SENDERS, requests: 800 }],
      begin: refreshing,
    },
    {
      name: 'tools/call, by grants in the index',
      sides,
      amounts: [{ parallel: SENDERS, requests: 2000 }],
      begin: async (side) => calling(side, 'echo'),
    },
  ];
}
