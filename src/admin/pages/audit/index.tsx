import { Hono } from 'hono';
import type { App } from '../../../config';
import { Avatar } from '../../../ui/avatar';
import { countOf } from '../../../ui/english';
import { Icon } from '../../../ui/icons';
import { Rows } from '../../../ui/list-page';
import { Cut, tipOf, Whole } from '../../../ui/name';
import { Badge, dayOf, Empty, Field, Head, type Tone } from '../../../ui/parts';
import { listPage, read } from '../api';
import { adminPage } from '../frame';
import { ACTS, actorOf, type Event, isByPerson, wordsOfEvent } from './words';

type Events = { events: Event[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/audit';
/** What the form asks for, then what links of this and other pages narrow the list to, in words where no event has a name. */
const TYPED = ['q', 'act', 'outcome', 'from', 'to'] as const;
const LINKED = {
  actor: 'one actor',
  server: 'one server',
  key: 'one key',
  app: 'one app',
  person: 'one person',
};
type Filter = Partial<Record<(typeof TYPED)[number] | keyof typeof LINKED, string>>;

const OUTCOMES: Readonly<Record<Event['outcome'], { word: string; tone: Tone }>> = {
  done: { word: 'Succeeded', tone: 'good' },
  refused: { word: 'Refused', tone: 'bad' },
  failed: { word: 'Failed', tone: 'bad' },
};
/** What ended an app's access, so that no one uses what may have been copied. */
const FOR_SAFETY = /re(played|used)$/;
const LABEL = 'App, key, person, server or reference';

/** What happened: who did what, when, and how it ended. */
export const auditPages = new Hono<App>().get('/', async (c) => {
  const filter = filterOf(c.req.query());
  const { limit, offset } = listPage(c, 25);
  const asked = askedOf(filter);
  const list = await read<Events>(c, `/audit?${asked}&limit=${limit}&offset=${offset}`);
  const body = (
    <>
      <Head
        title="Audit log"
        lead="Who did what, kept for 90 days. Tool calls are counted, not listed."
        actions={
          <a class="button" href={`/api/audit?${asked}&format=csv`} download>
            Export CSV
          </a>
        }
      />
      <FilterForm filter={filter} events={list.events} />
      <Spans filter={filter} total={list.total_count} />
      <EventList {...list} filter={filter} />
    </>
  );
  return adminPage(c, { title: 'Audit log', at: AT, body });
});

/** A code is found by the search; links that lead here name it. */
function filterOf({ code, ...query }: Record<string, string>): Filter {
  const members = [...TYPED, ...Object.keys(LINKED)];
  const given = members.flatMap((name) => (query[name] ? [[name, query[name].slice(0, 200)]] : []));
  return { ...(code && { q: code.slice(0, 200) }), ...Object.fromEntries(given) };
}

/** What the API is asked for it: days are whole ones, in UTC. */
function askedOf({ from, to, ...filter }: Filter): URLSearchParams {
  const since = Date.parse(`${from}T00:00:00Z`);
  const until = Date.parse(`${to}T00:00:00Z`) + DAY;
  const asked = new URLSearchParams(filter);
  if (since) asked.set('since', new Date(since).toISOString());
  if (until <= LAST_DAY) asked.set('until', new Date(until).toISOString());
  if (filter.outcome && !Object.hasOwn(OUTCOMES, filter.outcome)) asked.delete('outcome');
  return asked;
}

/** Milliseconds. */
const DAY = 86_400_000;
/** The last that a Date has, epoch milliseconds. */
const LAST_DAY = 8.64e15;
const dateOf = (time: number) => new Date(time).toISOString().slice(0, 10);

/** The address of the list with some of its filter changed; `''` takes a part away. */
function hrefOf(filter: Filter, changes: Filter & { offset?: string }): string {
  const said = Object.entries({ ...filter, ...changes }).filter(([, value]) => value);
  return `${AT}?${new URLSearchParams(said)}`;
}

function FilterForm({ filter, events }: { filter: Filter; events: readonly Event[] }) {
  const { q = '', act = '', outcome = '' } = filter;
  return (
    <search>
      <form class="filters card" action={AT}>
        <label class="search">
          <Icon of="search" />
          <span class="unseen">{LABEL}</span>
          <input class="input" type="search" name="q" value={q} placeholder={LABEL} maxlength={200} />
        </label>
        <Choice name="act" label="Event" any="Any event">
          {ACTS.map(([group, acts]) => (
            <optgroup label={group}>
              {acts.map(([value, label]) => (
                <option value={value} selected={act === value}>
                  {label}
                </option>
              ))}
            </optgroup>
          ))}
        </Choice>
        <Choice name="outcome" label="Result" any="Any result">
          {Object.entries(OUTCOMES).map(([value, { word }]) => (
            <option value={value} selected={outcome === value}>
              {word}
            </option>
          ))}
        </Choice>
        {(['from', 'to'] as const).map((name) => (
          <Field name={name} label={name === 'from' ? 'From' : 'To'}>
            <input class="input" type="date" id={name} name={name} value={filter[name]} />
          </Field>
        ))}
        <button type="submit" class="button primary">
          Apply
        </button>
        {Object.keys(filter).length > 0 && (
          <a class="button quiet" href={AT}>
            Clear
          </a>
        )}
        {linksOf(filter).map(([name, value]) => (
          <>
            <input type="hidden" name={name} value={value} />
            <a class="button small" href={hrefOf(filter, { [name]: '' })}>
              Only events of{' '}
              <Cut
                of={
                  nameIn(events, value) ??
                  (ID.test(value) ? LINKED[name] : actorOf({ actor: value, actor_name: null }))
                }
              />
              <span class="unseen">: show all</span> <span aria-hidden="true">×</span>
            </a>
          </>
        ))}
      </form>
    </search>
  );
}

/** What says nothing to a reader. */
const ID = /^(\w+:)?[\da-f-]{32,}$/;

function linksOf(filter: Filter): [keyof typeof LINKED, string][] {
  const names = Object.keys(LINKED) as (keyof typeof LINKED)[];
  return names.flatMap((name): [typeof name, string][] => (filter[name] ? [[name, filter[name]]] : []));
}

/** What is called so in these events, whose id or name that is. */
function nameIn(events: readonly Event[], wanted: string): string | null {
  for (const {
    actor,
    actor_name,
    subject,
    subject_name,
    client_id,
    client_name,
    about_name,
    detail,
  } of events) {
    if (`:${actor}`.endsWith(`:${wanted}`)) return actorOf({ actor, actor_name });
    if (subject?.endsWith(`:${wanted}`)) return subject_name;
    if (client_id === wanted) return client_name;
    if (detail.server === wanted || detail.virtual_mcp === wanted) return about_name;
  }
  return null;
}

type ChoiceProps = { name: string; label: string; any: string; children?: unknown };

function Choice({ name, label, any, children }: ChoiceProps) {
  return (
    <Field name={name} label={label}>
      <select class="input" id={name} name={name}>
        <option value="">{any}</option>
        {children}
      </select>
    </Field>
  );
}

/** Days up to now that one may want to see, and how many events there are. */
function Spans({ filter, total }: { filter: Filter; total: number }) {
  const spans = [
    { text: 'Today', from: dateOf(Date.now()) },
    { text: '7 days', from: dateOf(Date.now() - 6 * DAY) },
    { text: '30 days', from: dateOf(Date.now() - 29 * DAY) },
    { text: '90 days', from: '' },
  ];
  return (
    <div class="row spread small">
      <span class="row">
        {spans.map(({ text, from }) => {
          const isHere = (filter.from ?? '') === from && !filter.to;
          return (
            <a href={hrefOf(filter, { from, to: '' })} aria-current={isHere ? 'true' : undefined}>
              {isHere ? <b>{text}</b> : text}
            </a>
          );
        })}
      </span>
      <span class="muted">{countOf(total, 'event')}</span>
    </div>
  );
}

function EventList({ events, filter, total_count, offset, limit }: Events & { filter: Filter }) {
  return (
    <Rows
      label="Events"
      columns={['Time (UTC)', 'Event', 'By', 'Result', 'Reference'].map((name) => ({ name }))}
      rows={events}
      row={(event) => <EventRow event={event} filter={filter} />}
      total={total_count}
      {...{ offset, limit, one: 'event' }}
      href={(offset) => hrefOf(filter, { offset: String(offset) })}
    >
      {Object.keys(filter).length > 0 ? (
        <Empty title="No events match" glyph="search">
          <p>
            {/^\s*f-/i.test(filter.q ?? '')
              ? 'References of callers we don’t know are only in the log.'
              : 'Names and references are searched, for the last 90 days.'}
          </p>
          <div class="row">
            <a class="button" href={AT}>
              Clear search
            </a>
          </div>
        </Empty>
      ) : (
        <Empty title="No events yet" glyph="audit">
          <p>You see here what people allow, apps do and administrators change.</p>
        </Empty>
      )}
    </Rows>
  );
}

function EventRow({ event, filter }: { event: Event; filter: Filter }) {
  const { at, act, actor, actor_name, client_name, about_name, address, code, outcome } = event;
  const { says, more } = wordsOfEvent(event);
  const { word, tone } = OUTCOMES[outcome];
  const isForSafety = FOR_SAFETY.test(act);
  return (
    <tr class={isForSafety || outcome === 'failed' ? 'is-bad' : undefined}>
      <td data-label="Time">
        <time datetime={at}>
          {dayOf(at)}, {at.slice(11, 19)}
        </time>
      </td>
      <td data-label="Event">
        <span>
          <span class="cut all" title={tipOf(says)}>
            {says}
          </span>
          <Whole of={client_name ?? ''} />
          <Whole of={about_name ?? ''} />
          {more && (
            <small class="cut" title={tipOf(more)}>
              {more}
            </small>
          )}
        </span>
      </td>
      <td data-label="By">
        <span class="thing">
          {actor_name && (
            <Avatar name={actor_name} {...(isByPerson(event) ? { isPerson: true } : { glyph: 'key' })} />
          )}
          <span>
            <a class="cut" href={hrefOf(filter, { actor })} title="Only their events">
              {actorOf(event)}
            </a>
            <Whole of={actor_name ?? ''} />
            {address && <small class="mono">{address}</small>}
          </span>
        </span>
      </td>
      <td data-label="Result">
        <Badge tone={tone}>{isForSafety ? 'Ended' : word}</Badge>
      </td>
      <td data-label="Reference">
        <a class="mono mask" href={hrefOf({}, { q: code })}>
          {code}
        </a>
      </td>
    </tr>
  );
}
