import { Avatar } from '../ui/avatar';
import type { Glyph } from '../ui/icons';
import { isDocumentUrl } from './metadata-document';

/** The apps whose own sites describe them, by host. A glyph says who an app is. */
const GLYPHS: ReadonlyMap<string, Glyph> = new Map([
  ['claude.ai', 'claude'],
  ['chatgpt.com', 'chatgpt'],
  ['vscode.dev', 'vscode'],
]);

type ClientAvatarProps = { of: { id: string; name: string }; isLarge?: boolean };

/** A client's avatar: grey where its name is its own claim (SECURITY 4). `id` says whether a site vouches for it. */
export function ClientAvatar({ of: { id, name }, isLarge = false }: ClientAvatarProps) {
  const glyph = isDocumentUrl(id) ? GLYPHS.get(new URL(id).host) : undefined;
  return <Avatar name={name} glyph={glyph} isLarge={isLarge} isClaim={!glyph} />;
}
