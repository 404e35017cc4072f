import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../../support/browser';
import { ISSUER } from '../../support/gate';
import { roundTripsOf } from '../../support/round-trips';

/** Fills a table: `columns` says each column in terms of `i`, which counts from 0. */
async function fill(table: string, rows: number, columns: Record<string, string>): Promise<void> {
  const numbers = `WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < ${rows - 1})`;
  const [names, values] = [Object.keys(columns).join(', '), Object.values(columns).join(', ')];
  await env.DB.prepare(`INSERT INTO ${table} (${names}) ${numbers} SELECT ${values} FROM number`).run();
}
/** Rows of each list. */
const N = 1000;
const uuid = (n: number | string) => `printf('00000000-0000-4000-8000-${n}%08d', i)`;
/** Seconds. */
const NOW = Math.floor(Date.now() / 1000);
const TIMES = { created_at: `${NOW} - i * 60`, updated_at: `${NOW} - i` };
/** The first server. */
const S0 = '00000000-0000-4000-8000-100000000000';

describe('pages of lists with a thousand rows', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.administrator(); // applies the schema
    await fill('server', N, {
      id: uuid('1000'),
      name: "printf('Server_of_team_%04d', i)",
      endpoint_slug: "'s-' || i",
      connection_type: "'http'",
      connection_string: "'https://mcp-' || i || '.example.com/mcp'",
      auth_type: "'none'",
      tools_to_execute: `'["*"]'`,
      allow_on_all_virtual_keys: '0',
      enabled: '1',
      state: "'healthy'",
      listed_at: `${NOW}`,
      ...TIMES,
    });
    await fill('listing', 40, {
      server_id: `'${S0}'`,
      kind: "'tool'",
      position: 'i',
      definition: "json_object('name', 'tool_' || i)",
    });
    await fill('person', N, {
      id: uuid('2000'),
      issuer: "'https://login.example.com'",
      provider_subject: 'i',
      email: "'firstname.lastname' || i || '@company.example'",
      name: "'Firstname Lastname ' || i",
      generation: '0',
      is_active: '1',
      mcp_configs: `'[{"mcp_client_name":"Server_of_team_0000","tools_to_execute":["tool_1","tool_2"]}]'`,
      last_signed_in_at: `${NOW} - i * 100`,
      ...TIMES,
    });
    await fill('virtual_key', N, {
      id: uuid('3000'),
      name: "'Nightly build of team ' || i",
      description: "''",
      value_hash: 'i',
      value_mask: "'sk-bf-…ab' || printf('%04d', i)",
      generation: '0',
      is_active: '1',
      shared: '0',
      owner_user_id: uuid('2000'),
      mcp_configs: `'[{"mcp_client_name":"Server_of_team_0000","tools_to_execute":["tool_1","tool_2"]},{"mcp_client_name":"Server_of_team_0001","tools_to_execute":["*"]},{"mcp_client_name":"Server_of_team_0002","tools_to_execute":["*"]}]'`,
      limits: "'[]'",
      last_used_at: `${NOW} - i`,
      ...TIMES,
    });
    await fill('virtual_mcp', N, {
      id: uuid('4000'),
      name: "'Toolset for on call ' || i",
      endpoint_slug: "'toolset-for-on-call-' || i",
      description: "''",
      enabled: '1',
      tools: `'[{"mcp_client_id":"${S0}","tool_names":["tool_1","tool_2"]}]'`,
      ...TIMES,
    });
    await fill('client', N, {
      client_id: uuid('5000'),
      metadata: `json_object('client_name', 'Claude Code of team ' || i, 'redirect_uris', json_array('https://app-' || i || '.example.com/callback'), 'grant_types', json_array('authorization_code'), 'response_types', json_array('code'), 'token_endpoint_auth_method', 'none', 'scope', 'mcp')`,
      name: "'Claude Code of team ' || i",
      created_at: `${NOW} - i`,
      allowed_at: `${NOW}`,
    });
    await fill('oauth_grant', N, {
      grant_id: "printf('%064x', i)",
      client_id: uuid('5000'),
      client_name: "'Claude Code of team ' || i",
      subject: `'user:' || ${uuid('2000')}`,
      generation: '0',
      scope: "'mcp'",
      resource: `'${ISSUER}/mcp'`,
      read_only: '0',
      redirect_host: "'app-' || i || '.example.com'",
      user_agent: "'x'",
      created_at: `${NOW} - i`,
      expires_at: `${NOW} + 9000000`,
      last_used_at: `${NOW} - i`,
    });
    await fill('audit', N, {
      id: "'0mw' || printf('%09d', i)",
      at: `${NOW} - i`,
      act: "iif(i % 2, 'grant.changed', 'virtual_key.changed')",
      outcome: "'done'",
      actor: `'user:' || ${uuid('2000')}`,
      client_id: `iif(i % 2, ${uuid('5000')}, NULL)`,
      client_name: "iif(i%2, 'Claude Code of team ' || i, NULL)",
      actor_name: "'Firstname Lastname ' || i",
      subject: `'vk:' || ${uuid('3000')}`,
      subject_name: "'Nightly build of team ' || i",
      about_name: 'NULL',
      detail: `'{"virtual_key":"x","before":"Everything","after":"3 servers"}'`,
      code: "'F-ABCD'",
      address: "'203.0.113.' || (i % 200)",
    });
  }, 60_000);

  it.each([
    ['/admin/keys', 40],
    ['/admin/keys?search=UILD+of', 40],
    ['/admin/access', 25],
    ['/admin/access?search=ODE+of', 25],
    ['/admin/access?search=ASTNAME', 25],
    ['/admin/apps', 30],
    ['/admin/apps?search=ODE+of', 30],
    ['/admin/people', 30],
    ['/admin/people?search=ASTNAME', 30],
    ['/admin/servers', 30],
    ['/admin/servers?search=F_TEAM', 30],
    ['/admin/toolsets', 30],
    ['/admin/toolsets?search=N+CALL', 30],
    ['/admin/audit', 25],
    ['/admin/audit?q=ASTNAME', 25],
    [`/admin/servers/${S0}/used-by`, 50],
    [`/admin/servers/${S0}/used-by?kind=app&search=ODE+of`, 50],
  ])('%s: %i of them, under 30 KB, in three round trips', async (path, rows) => {
    let html = '';
    const roundTrips = await roundTripsOf(async () => {
      html = (await browser.open(path))?.html ?? '';
    });

    expect(html.match(/<tr/g)).toHaveLength(rows + 1);
    expect(html).toMatch(new RegExp(`1–${rows} of [14],00[01]`));
    expect(new TextEncoder().encode(html).length).toBeLessThan(30_000);
    expect(roundTrips).toBeLessThanOrEqual(3);
  });
});
