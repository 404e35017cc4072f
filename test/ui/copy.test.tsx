import { expect, it } from 'vitest';
import { Copy } from '../../src/ui/parts';

it('lets an address break after the slashes of its path alone, and copies it whole', () => {
  const html = String(<Copy text="https://gate.example/api/oauth/callback" label="the address" />);

  expect(html).toContain('<code>https://gate.example/<wbr/>api/<wbr/>oauth/<wbr/>callback</code>');
  expect(html).toContain('data-copy="https://gate.example/api/oauth/callback"');
});

it('leaves a command to break at its spaces', () => {
  expect(
    String(<Copy text="claude mcp add gate https://gate.example/mcp" label="the command" />),
  ).not.toContain('<wbr');
});
