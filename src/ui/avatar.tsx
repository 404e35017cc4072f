import type { Child } from 'hono/jsx';
import { type Glyph, Icon } from './icons';
import { cut } from './name';

type AvatarProps = {
  /** Whose it is: its letters and colour come of it. */
  name: string;
  glyph?: Glyph | undefined;
  isPerson?: boolean;
  isLarge?: boolean;
  /** Grey: its name is its own claim, and a colour or glyph would say that we know it. */
  isClaim?: boolean;
};

/** A glyph or two letters in a colour that stays with the name. It says nothing that stands in no words beside it. */
export function Avatar({ name, glyph, isPerson, isLarge, isClaim }: AvatarProps) {
  const looks = ['avatar', !isClaim && `hue${hueOf(name)}`, isPerson && 'person', isLarge && 'large'];
  return (
    <span class={looks.filter(Boolean).join(' ')} aria-hidden="true">
      {glyph && !isClaim ? <Icon of={glyph} /> : initialsOf(name)}
    </span>
  );
}

/** Two that meet: what asks and what it asks for. `by`: how far that is. */
export function Meet({ from, to, by = 'arrow' }: { from: Child; to: Child; by?: Glyph }) {
  return (
    <span class="meet">
      {from}
      <Icon of={by} />
      {to}
    </span>
  );
}

/** This gateway, among others that have an avatar. */
export function GatewayAvatar() {
  return (
    <span class="avatar hue1 large" aria-hidden="true">
      <Icon of="gate" />
    </span>
  );
}

/** The first letters of the first and last word. */
function initialsOf(name: string): string {
  const words = cut(name).match(/[\p{L}\p{N}]+/gu) ?? [];
  const [first = '?'] = words;
  const last = words.length > 1 ? (words.at(-1) ?? '') : '';
  return [first, last]
    .map((word) => [...word][0] ?? '')
    .join('')
    .toUpperCase();
}

/** One of six colours, the same for the same name. */
function hueOf(name: string): number {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return (sum % 6) + 1;
}
