import { describe, expect, it } from 'vitest';
import { addressOf } from '../../src/protocol/address';

const counted = (address: string) =>
  addressOf(new Request('https://gate.example/', { headers: { 'cf-connecting-ip': address } }));

describe('the address a limit counts', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('of %s is %s', (address, expected) => {
    expect(counted(address)).toBe(expected);
  });

  it('is one for all who have none, as locally', () => {
    expect(addressOf(new Request('https://gate.example/'))).toBe('local');
  });
});
