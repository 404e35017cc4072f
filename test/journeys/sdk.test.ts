import { beforeAll, describe, expect, it } from 'vitest';
import { OAuthMemory, SDK_CLIENTS } from '../../demo/clients.ts';
import { consent } from '../../demo/consent.ts';
import { walkWithConsent, walkWithKey } from '../../demo/walk.ts';
import { DocumentSite } from './support/document-site.ts';
import { type SharedDev, sharedDev } from './support/shared-dev.ts';

const REVISIONS = ['2025-11-25', '2025-11-25', '2026-07-28'];

describe.each(SDK_CLIENTS.map((client, place) => ({ client, revision: REVISIONS[place] })))(
  '$client.name',
  ({ client, revision }) => {
    it('gets from the MCP URL to tool results, as the person who allowed it, and refreshes', async () => {
      const steps = new Map<string, string>();
      const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

      await walkWithConsent(client, dev.facts.mcp_url, answers, (step, outcome) => steps.set(step, outcome));

      expect(steps.get('connected')).toBe(`MCP ${revision}`);
      expect(steps.get('called demo-echo')).toBe('Echo: hello through the gateway');
      expect(steps.get('called a long tool')).toContain('completed');
      expect(steps.get('called again')).toBe('Echo: the new token works');
    });

    it('does the same with a metadata document in place of a registration', async () => {
      const steps = new Map<string, string>();
      const { clientMetadata } = new OAuthMemory('Described');
      const site = await DocumentSite.serving(clientMetadata);
      const answers = { identity: 'virtual_key', virtual_key: dev.facts.virtual_key };

      await walkWithConsent(
        client,
        dev.facts.mcp_url,
        answers,
        (step, outcome) => steps.set(step, outcome),
        new OAuthMemory('Described', site.url),
      ).finally(() => site.stop());

      expect(steps.get('described')).toBe(`as client ${site.url}`);
      expect(steps.get('called again')).toBe('Echo: the new token works');
      expect(site.fetches).toBe(1);
    });

    it('gets to tool results with an access key alone', async () => {
      const steps = new Map<string, string>();

      await walkWithKey(client, dev.facts.mcp_url, dev.facts.virtual_key, (step, outcome) =>
        steps.set(step, outcome),
      );

      expect(steps.get('called demo-echo')).toBe('Echo: hello through the gateway');
    });

    it('hears that the person said no', async () => {
      const memory = new OAuthMemory('Journey');
      await expect(client.connect(dev.facts.mcp_url, memory)).rejects.toThrow();

      const callback = await consent(memory.authorizationUrl ?? '', { decision: 'deny' });

      await expect(async () => client.finishAuth(dev.facts.mcp_url, memory, callback)).rejects.toThrow(
        /access_denied/,
      );
    });
  },
);

let dev: SharedDev;
beforeAll(async () => {
  dev = await sharedDev();
});
