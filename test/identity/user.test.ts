import { describe, expect, it } from 'vitest';
import { maySignIn } from '../../src/identity/user';
import { Settings } from '../../src/settings';

const settings = (oidc: object, access: object = {}) =>
  Settings.parse({ oauth2_server_config: {}, oidc: { client_id: 'x', ...oidc }, access });
const here = {
  issuer: 'https://login.example',
  allowed_domains: ['acme.example'],
  admin_emails: ['root@evil.example'],
};

describe('who may still sign in (CONTRACT §§4, 5)', () => {
  it.each([
    ['an address of an allowed domain', here, 'https://login.example', 'ada@acme.example', true],
    ['an administrator of another domain', here, 'https://login.example', 'root@evil.example', true],
    ['an address of a domain that is not allowed', here, 'https://login.example', 'ada@evil.example', false],
    [
      'a domain that only ends like an allowed one',
      here,
      'https://login.example',
      'ada@notacme.example',
      false,
    ],
    [
      'the provider, whose own issuer has a slash after the host',
      here,
      'https://login.example/',
      'ada@acme.example',
      true,
    ],
    ['another provider', here, 'https://login.evil.example', 'ada@acme.example', false],
    ['another realm of the provider', here, 'https://login.example/other', 'ada@acme.example', false],
    ['no provider any more', {}, 'https://login.example', 'ada@acme.example', false],
  ])('%s', (_, oidc, issuer, email, may) => {
    expect(maySignIn(settings(oidc), { issuer, email })).toBe(may);
  });

  it.each([
    ['whom the present Access team vouched for', 'https://acme.cloudflareaccess.com', true],
    ['whom another one did', 'https://other.cloudflareaccess.com', false],
  ])('people of any address %s', (_, issuer, may) => {
    const access = { team_domain: 'acme.cloudflareaccess.com', aud: 'x' };

    expect(maySignIn(settings({}, access), { issuer, email: 'ada@anywhere.example' })).toBe(may);
  });
});
