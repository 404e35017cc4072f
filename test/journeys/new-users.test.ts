import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Crowd } from '../../scripts/journeys/crowd.ts';
import { Peer } from '../../scripts/journeys/peer.ts';
import { faultsIn, walkAll } from '../../scripts/journeys/runs.ts';
import type { Way } from '../../scripts/journeys/walk.ts';
import { closePages, executable, sharedChromium } from './support/chromium.ts';
import { sharedDev } from './support/shared-dev.ts';

const DESK: Way = { hands: 'keyboard', hasScript: true, width: 1440, height: 900, widths: [1440] };
const PHONE: Way = { hands: 'pointer', hasScript: false, width: 390, height: 800, widths: [390] };

describe.skipIf(!executable)(
  `new users${executable ? '' : ' (skipped: no Chromium here, set CHROME_PATH)'}`,
  () => {
    let browser: Browser;
    let crowd: Crowd;
    let peer: Peer;

    beforeAll(async () => {
      const dev = await sharedDev();
      [peer, browser] = await Promise.all([Peer.start(), sharedChromium()]);
      crowd = new Crowd(dev.facts, peer);
      await crowd.growTo(8);
      await crowd.addKeys(8);
    });
    afterAll(async () => {
      await closePages(browser);
      peer?.stop();
    });

    // Each in every way: npm run journeys.
    it('get where they want to, by keyboard or without JavaScript, and lose nothing on the way', async () => {
      const ways = { developer: PHONE, administrator: DESK, 'person with an app': PHONE };

      const rows = await walkAll(browser, crowd, ways, 0, { together: true });

      expect(faultsIn(rows)).toEqual([]);
      expect(rows.length).toBe(53);
    }, 300_000);
  },
);
