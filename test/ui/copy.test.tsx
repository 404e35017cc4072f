import { expect, it } from 'vitest';
import { Copy } from '../../src/ui/parts';

it('lets an address break between its names and steps alone, and copies it whole', () => {
  const html = String(<Copy text="https://gate.example:8787/api/oauth/callback" label="the address" />);

  expect(html).toContain(
    '<code><span class="address">https://<wbr/>gate.<wbr/>example<wbr/>:8787/<wbr/>api/<wbr/>oauth/<wbr/>callback</span></code>',
  );
  expect(html).toContain('data-copy="https://gate.example:8787/api/oauth/callback"');
});

it('lets a command break at its spaces, and its address between its names', () => {
  const html = String(<Copy text={'add "https://gate.example/mcp" --now'} label="the command" />);

  expect(html).toContain(
    '<code>add &quot;<span class="address">https://<wbr/>gate.<wbr/>example/<wbr/>mcp</span>&quot; --now</code>',
  );
});

it('cuts a name of an address that is longer than a line, where its title has the whole', () => {
  const html = String(<Copy text="https://gate.acme-company.example/mcp" label="the address" />);

  expect(html).toContain(
    'gate.<wbr/><span title="acme-company.">acme-company.</span><wbr/>example/<wbr/>mcp',
  );
});
