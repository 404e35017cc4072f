import { describe, expect, it } from 'vitest';
import { McpCaller } from '../support/caller';
import { Upstream } from '../support/upstream';

describe('tools of many servers as one', () => {
  it('lists and calls', async () => {
    const upstream = await Upstream.start(['echo', 'other']);
    const caller = await (await McpCaller.withKey()).initialized();

    const names = await caller.toolNames();
    const answer = await caller.call(`${upstream.name}-echo`, { a: 1 });

    expect(names).toEqual([`${upstream.name}-echo`, `${upstream.name}-other`]);
    expect(answer).toMatchObject({ status: 200, body: { result: { content: [{ text: 'echo ran' }] } } });
  });
});
