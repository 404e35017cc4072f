import { describe, expect, it } from 'vitest';
import { newServer } from '../../src/admin/api/servers/request';
import { admin, gate, ISSUER } from '../support/gate';

type Preset = {
  id: string;
  connection_string: string | null;
  registration: string;
  console_url: string | null;
  redirect_uri: string;
  oauth_config: Record<string, unknown>;
  source: string;
  read_on: string;
};

const read = (query = '') => admin<{ presets: Preset[]; total_count: number }>('GET', `/mcp/presets${query}`);

describe('presets (CONTRACT §7)', () => {
  it('name the servers people ask for, each with where to go, what to paste and who says so', async () => {
    const { presets, total_count } = await read();

    expect(presets.map(({ id }) => id)).toEqual([
      'github',
      'google',
      'slack',
      'entra',
      'notion',
      'linear',
      'atlassian',
      'sentry',
    ]);
    expect(total_count).toBe(8);
    for (const { registration, console_url, redirect_uri, source, read_on } of presets) {
      expect(redirect_uri).toBe(`${ISSUER}/api/oauth/callback`);
      expect(console_url === null).toBe(registration === 'automatic');
      expect(source).toMatch(/^https:\/\//);
      expect(read_on).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });

  it('are what creating a server takes', async () => {
    const { presets } = await read();

    for (const { id, connection_string, oauth_config } of presets) {
      const server = {
        name: id,
        connection_type: 'http',
        connection_string: connection_string ?? 'https://mcp.example.com/mcp',
        auth_type: 'per_user_oauth',
        oauth_config,
      };
      expect(newServer(false).safeParse(server)).toMatchObject({ success: true });
    }
  });

  it('are found by any part of their name, by administrators only', async () => {
    const { presets } = await read('?search=THUB&limit=1');
    const { status } = await gate('/api/mcp/presets');

    expect(presets.map(({ id }) => id)).toEqual(['github']);
    expect(status).toBe(401);
  });
});
