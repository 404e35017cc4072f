import { closing } from '../../../effective-settings';
import { SETTINGS } from '../../../settings';
import { countOf } from '../../../ui/english';
import { AT, labelOf } from './words';

/** Which settings cannot be read, each with the way to it, and what holds meanwhile. */
export function Unread({ names }: { names: ReadonlySet<string> }) {
  const unread = SETTINGS.filter(({ name }) => names.has(name));
  return (
    <>
      <b>{countOf(unread.length, 'setting')} can’t be read:</b>{' '}
      {unread.map(({ name, meta }, at) => (
        <>
          {at > 0 && ', '}
          <a href={`${AT}/${meta.group}#${name}`}>{labelOf(name)}</a>
        </>
      ))}
      . {closing(names) && 'Apps are refused for now. '}What Settings shows is in effect until you save{' '}
      {unread.length === 1 ? 'it' : 'them'} again.
    </>
  );
}
