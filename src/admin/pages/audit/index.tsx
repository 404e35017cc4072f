import { Hono } from 'hono';
import type { App } from '../../../config';
import { Rows } from '../../../ui/list-page';
import { Whole } from '../../../ui/name';
import { Badge, Empty, Field, Input, type Tone, When } from '../../../ui/parts';
import { AuditQuery } from '../../api/audit';
import { listPage, read } from '../api';
import { adminPage } from '../frame';
import { ACTORS, ACTS, actorOf, type Event, sentenceOf } from './words';

type Events = { events: Event[]; count: number; total_count: number; limit: number; offset: number };
type Filter = { act: string; outcome: string; actor: string; code: string };

const AT = '/admin/audit';
const OUTCOMES: Readonly<Record<Event['outcome'], { word: string; tone: Tone }>> = {
  done: { word: 'done', tone: 'good' },
  refused: { word: 'refused', tone: 'warn' },
  failed: { word: 'failed', tone: 'bad' },
};

/** What happened: who did what, when, and how it ended. */
export const auditPages = new Hono<App>().get('/', async (c) => {
  const { act = '', outcome = '', actor = '', code = '' } = c.req.query();
  const filter: Filter = { act, outcome, actor, code };
  const { limit, offset } = listPage(c);
  const asked = new URLSearchParams({ limit: String(limit), offset: String(offset) });
  for (const [name, value] of Object.entries(filter)) if (value) asked.set(name, value);
  const isUnreadable = !AuditQuery.shape.code.safeParse(code || undefined).success;
  if (isUnreadable) asked.delete('code');
  const list = await read<Events>(c, `/audit?${asked}`);
  const body = (
    <>
      <h1>Audit</h1>
      <p class="muted">
        Who did what, and how it ended, for 90 days. Tool calls are counted, not listed; no values and no
        secrets are kept.
      </p>
      <FilterForm
        filter={filter}
        error={isUnreadable ? 'A code looks like F-7K2Q.' : undefined}
        actorName={list.events[0] && actorOf(list.events[0])}
      />
      {isUnreadable ? null : <EventList {...list} filter={filter} />}
    </>
  );
  return adminPage(c, { title: 'Audit', at: AT, body, ...(isUnreadable && { status: 400 }) });
});

type FilterProps = { filter: Filter; error: string | undefined; actorName: string | undefined };

function FilterForm({ filter, error, actorName }: FilterProps) {
  const isSomebody = filter.actor !== '' && !Object.hasOwn(ACTORS, filter.actor);
  return (
    <search>
      <form class="card row fields filter" method="get" action={AT}>
        <Input
          name="code"
          label="Code"
          value={filter.code}
          error={error}
          placeholder="F-7K2Q"
          autocomplete="off"
          mono
        />
        <Choice name="act" label="What happened" chosen={filter.act} any="Anything">
          {ACTS.map(([group, acts]) => (
            <optgroup label={group}>
              {acts.map(([act, label]) => (
                <option value={act} selected={filter.act === act}>
                  {label}
                </option>
              ))}
            </optgroup>
          ))}
        </Choice>
        <Choice name="outcome" label="How it ended" chosen={filter.outcome} any="Any way">
          {Object.entries(OUTCOMES).map(([outcome, { word }]) => (
            <option value={outcome} selected={filter.outcome === outcome}>
              {word}
            </option>
          ))}
        </Choice>
        <Choice name="actor" label="By whom" chosen={filter.actor} any="Anybody">
          {isSomebody && (
            <option value={filter.actor} selected>
              {actorName ?? 'the one you chose'}
            </option>
          )}
          {Object.entries(ACTORS).map(([actor, words]) => (
            <option value={actor} selected={filter.actor === actor}>
              {words}
            </option>
          ))}
        </Choice>
        <div class="row">
          <button type="submit" class="button primary">
            Show
          </button>
          {Object.values(filter).some(Boolean) && (
            <a class="button" href={AT}>
              Show all
            </a>
          )}
        </div>
      </form>
    </search>
  );
}

type ChoiceProps = { name: string; label: string; chosen: string; any: string; children?: unknown };

function Choice({ name, label, chosen, any, children }: ChoiceProps) {
  return (
    <Field name={name} label={label}>
      <select class="input" id={name} name={name}>
        <option value="" selected={!chosen}>
          {any}
        </option>
        {children}
      </select>
    </Field>
  );
}

function EventList({ events, filter, total_count, offset, limit }: Events & { filter: Filter }) {
  const href = (changes: Record<string, string>) => {
    const said = Object.entries({ ...filter, ...changes }).filter(([, value]) => value);
    return `${AT}?${new URLSearchParams(said)}`;
  };
  return (
    <Rows
      label="What happened"
      columns={[
        { name: 'What happened' },
        { name: 'When' },
        { name: 'By whom' },
        { name: 'Ended' },
        { name: 'Code' },
      ]}
      rows={events}
      row={(event) => {
        const { word, tone } = OUTCOMES[event.outcome];
        return (
          <tr>
            <td>
              {sentenceOf(event)}
              <Whole of={event.client_name ?? ''} />
              <Whole of={event.about_name ?? ''} />
            </td>
            <td data-label="When">
              <span>
                <When at={event.at} />
              </span>
            </td>
            <td data-label="By whom">
              <span>
                {filter.actor ? (
                  actorOf(event)
                ) : (
                  <a href={href({ actor: event.actor })} title="Only what they did">
                    {actorOf(event)}
                  </a>
                )}
                <Whole of={event.actor_name ?? ''} />
                {event.address && (
                  <>
                    <br />
                    <small class="mono">{event.address}</small>
                  </>
                )}
              </span>
            </td>
            <td data-label="Ended">
              <Badge tone={tone}>{word}</Badge>
            </td>
            <td data-label="Code">
              <a class="mono" href={href({ code: event.code })}>
                {event.code}
              </a>
            </td>
          </tr>
        );
      }}
      total={total_count}
      {...{ offset, limit }}
      href={(offset) => href({ offset: String(offset) })}
    >
      <Empty
        title={
          Object.values(filter).some(Boolean) ? 'Nothing like that happened' : 'Nothing has happened yet'
        }
      >
        <p>
          {filter.code
            ? 'Check the code with whoever read it to you. What happened more than 90 days ago is not kept.'
            : 'What people allow, apps do and administrators change is written down here.'}
        </p>
      </Empty>
    </Rows>
  );
}
