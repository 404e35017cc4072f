import { describe, expect, it } from 'vitest';
import { refusedTarget } from '../../src/protocol/public-url';

describe('where the gateway may send a request (SECURITY 11, 17)', () => {
  it.each([
    'https://mcp.example.com/mcp',
    'https://8.8.8.8/x',
    'https://100.63.0.1/',
    'https://100.128.0.1/',
    'https://172.32.0.1/',
    'https://[2001:4860::8888]/',
    'https://[2606:4700::1111]/',
    'https://example.com:8443/',
  ])('takes %s', (url) => {
    expect(refusedTarget(url, false)).toBeNull();
  });

  it.each([
    'http://mcp.example.com/',
    'ftp://mcp.example.com/',
    'nonsense',
    'https://user:pw@mcp.example.com/',
    'https://user@mcp.example.com/',
    'https://:pw@mcp.example.com/',
    'https://mcp.example.com/#x',
    'https://localhost/',
    'https://intranet/',
    'https://db.internal/',
    'https://printer.local/',
    'https://printer.local./',
    'https://printer.local../',
    'https://x.localhost/',
    'https://router.lan/',
    'https://nas.home.arpa/',
    'https://x.test/',
    'https://x.invalid/',
    'https://x.onion/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://0.0.0.0/',
    'https://10.1.2.3/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://192.0.0.1/',
    'https://192.0.2.1/',
    'https://192.88.99.1/',
    'https://198.18.0.1/',
    'https://198.19.0.1/',
    'https://198.51.100.1/',
    'https://203.0.113.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[fc00::1]/',
    'https://[fe80::1]/',
    'https://[ff02::1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001::1]/',
    'https://[2001:10::1]/',
    'https://[2001:db8::1]/',
  ])('refuses %s', (url) => {
    expect(refusedTarget(url, false)).toBeTruthy();
  });

  it('takes loopback where local development allows it, and nothing else private', () => {
    for (const url of ['http://localhost:3001/mcp', 'http://127.0.0.1:3001/mcp', 'http://[::1]:3001/mcp']) {
      expect(refusedTarget(url, true)).toBeNull();
      expect(refusedTarget(url, false)).toBeTruthy();
    }
    expect(refusedTarget('http://192.168.1.1/', true)).toBeTruthy();
    expect(refusedTarget('ftp://localhost/', true)).toBeTruthy();
  });
});
