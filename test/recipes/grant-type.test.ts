import { describe, expect, it } from 'vitest';
import { describeApi } from '../../src/admin/openapi/document';
import { grantTypes } from '../../src/oauth/grant-types';
import type { GrantType } from '../../src/oauth/grant-types/grant-type';
import { McpCaller } from '../support/caller';
import { authorize, Site } from '../support/document-site';
import { gate, newKey, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';
import { keyExchange } from './examples/key-exchange';

const NAME = 'urn:example:key-exchange';

// The one line, which src/oauth/grant-types/index.ts would have.
(grantTypes as Map<string, GrantType>).set(NAME, keyExchange);

const register = () => McpClient.register({ grant_types: ['authorization_code', NAME] });

describe('a grant type is a file and one line (CONTRIBUTING, Add a thing)', () => {
  it('is in discovery', async () => {
    const { body } = await read(await gate('/.well-known/oauth-authorization-server'));

    expect(body.grant_types_supported).toContain(NAME);
  });

  it('is one that clients register for', async () => {
    const { registration } = await register();

    expect(registration).toMatchObject({ grant_types: ['authorization_code', NAME] });
  });

  it('is one that metadata documents name', async () => {
    const { client } = await Site.serving({ grant_types: [NAME] });
    const key = await newKey();

    const page = await authorize(client);
    const { status } = await client.token({ grant_type: NAME, virtual_key: key.value });

    expect([page.status, status]).toEqual([200, 200]);
  });

  it('is described by the API: its form, and what registrations answer', () => {
    const { TokenRequest, PerUserOAuthClientRegistrationResponse } = describeApi().components.schemas;

    expect(JSON.stringify(TokenRequest)).toContain(`"const":"${NAME}"`);
    expect(JSON.stringify(TokenRequest)).toContain('The access key the tokens act as');
    expect(JSON.stringify(PerUserOAuthClientRegistrationResponse)).toContain(NAME);
  });

  it('issues tokens that work on /mcp and are renewed', async () => {
    const [client, key, server] = [await register(), await newKey(), await Upstream.start(['whoami'])];

    const { status, body } = await client.token({ grant_type: NAME, virtual_key: key.value });
    const caller = new McpCaller({ authorization: `Bearer ${body.access_token}` });
    const called = await caller.call(`${server.name}-whoami`);
    const renewed = await client.refresh(body.refresh_token);

    expect([status, called.status, renewed.status]).toEqual([200, 200, 200]);
    expect(called.body.result).toMatchObject({ content: expect.any(Array) });
  });

  it('refuses by its own rule', async () => {
    const client = await register();

    const refused = await client.token({ grant_type: NAME, virtual_key: 'sk-bf-of-nobody' });

    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});
