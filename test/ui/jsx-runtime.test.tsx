import { describe, expect, it } from 'vitest';
import { raw } from '../../src/ui/jsx-runtime';

const HOSTILE = `"><script>alert('x')</script>&`;
const SAFE = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;';

function Twice({ of, children }: { of: string; children?: unknown }) {
  return (
    <>
      <b title={of}>{of}</b>
      {children as string}
    </>
  );
}

describe('elements', () => {
  it('escape every text and attribute, once (SECURITY 31)', () => {
    const inner = <Twice of={HOSTILE}>{HOSTILE}</Twice>;

    expect(`${<p title={HOSTILE}>{inner}</p>}`).toBe(
      `<p title="${SAFE}"><b title="${SAFE}">${SAFE}</b>${SAFE}</p>`,
    );
  });

  it('take nothing that came from elsewhere for HTML', () => {
    const posing = { isEscaped: true, text: '<b>', toString: () => '<b>' } as unknown as string;
    const boxed = Object.assign(new String('<b>'), { isEscaped: true }) as unknown as string;

    expect(`${<p>{[posing, boxed]}</p>}`).toBe('<p>&lt;b&gt;&lt;b&gt;</p>');
    expect(`${<p>{raw('<b>')}</p>}`).toBe('<p><b></p>');
  });

  it('leave out what is not there, and keep what is nought or empty', () => {
    const nothing = [null, undefined, true, false];

    expect(`${<p title={undefined}>{[nothing, 0, '', 'x']}</p>}`).toBe('<p>0x</p>');
    const ticked = <input value="" checked={true} disabled={false} />;
    expect(`${ticked}`).toBe('<input value="" checked=""/>');
    expect(`${<i aria-hidden={true} />}`).toBe('<i aria-hidden="true"></i>');
  });

  it('give a component its children as they stand', () => {
    const kinds: unknown[] = [];
    const Seen = ({ children }: { children?: unknown }) => {
      kinds.push(Array.isArray(children) ? children.length : typeof children);
      return null;
    };

    const page = (
      <p>
        <Seen />
        <Seen>{'one'}</Seen>
        <Seen>
          <i />
          <i />
        </Seen>
      </p>
    );

    expect(`${page}`).toBe('<p></p>');
    expect(kinds).toEqual(['undefined', 'string', 2]);
  });
});
