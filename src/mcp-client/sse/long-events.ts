/**
 * What comes of an event stream that several requests share. `event`: a whole one. One too long to be held comes as `open`, any
 * number of `more`, and `end`: its data in parts, its line ends as blanks, which JSON takes alike. `id`: of the response that it
 * is, where its beginning says so.
 */
export type EventPart =
  | { kind: 'event'; type: string; data: string }
  | { kind: 'open'; data: string; id: number | null }
  | { kind: 'more'; data: string }
  | { kind: 'end' };

/** Characters of an event that are held until its end has come; and where no one can be given the beginning before that. */
const HELD = 262_144;
const MOST_HELD = 4_194_304;
/** No type of event is longer, in characters. */
const MOST_TYPE = 64;
/** Begins a line of data. */
const NAME = 'data:';

/** Reads an event stream (WHATWG HTML, Server-sent events) as it comes, its events whole as far as they are not too long. */
export class LongEventReader {
  /** What has come of the line under way, part by part, but for what was given already of its data. */
  private parts: string[] = [];
  private length = 0;
  private isMidData = false;
  private type = '';
  private data: string[] = [];
  private size = 0;
  private isOpen = false;
  /** The id that the beginning of a long event says; undefined: not looked for. */
  private id: number | null | undefined;
  private afterCr = false;

  /** @param mayOpen whether an event that is too long may be given in parts, by the id of the response that it is; null: not known */
  constructor(private readonly mayOpen: (id: number | null) => boolean) {}

  /** @throws RangeError for an event that is too long to be held and may not be given in parts */
  push(text: string): EventPart[] {
    const given: EventPart[] = [];
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = this.afterCr && text.startsWith('\n') ? 1 : 0;
    if (text) this.afterCr = text.endsWith('\r');
    let from = ends.lastIndex;
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      this.takePart(text.slice(from, end.index));
      this.endLine(given);
      from = ends.lastIndex;
    }
    this.takePart(text.slice(from));
    this.giveLong(given);
    return given;
  }

  private takePart(part: string): void {
    this.length += part.length;
    const [first] = this.parts;
    if (this.parts.length === 1 && first !== undefined && first.length < NAME.length)
      this.parts = [first + part];
    else if (part) this.parts.push(part);
  }

  /** What has come of the line, which is then taken. */
  private takeLine(): string {
    const line = this.parts.join('');
    this.parts = [];
    this.length = 0;
    return line;
  }

  private endLine(given: EventPart[]): void {
    const { isMidData } = this;
    const line = this.takeLine();
    this.isMidData = false;
    if (isMidData) given.push({ kind: 'more', data: `${line} ` });
    else if (line === '') this.endEvent(given);
    else if (line.startsWith(NAME)) this.takeData(line, given);
    else if (line.startsWith('event:')) this.type = fieldValue(line, 6).slice(0, MOST_TYPE);
  }

  private takeData(line: string, given: EventPart[]): void {
    const value = fieldValue(line, NAME.length);
    if (this.isOpen) given.push({ kind: 'more', data: `${value} ` });
    else {
      this.data.push(value);
      this.size += value.length + 1;
    }
  }

  private endEvent(given: EventPart[]): void {
    if (this.isOpen) given.push({ kind: 'end' });
    else if (this.data.length) given.push({ kind: 'event', type: this.type, data: this.data.join('\n') });
    this.isOpen = false;
    this.id = undefined;
    this.type = '';
    this.data = [];
    this.size = 0;
  }

  /** Gives what has come of an event that is too long to be held. */
  private giveLong(given: EventPart[]): void {
    const isData = this.isMidData || this.parts[0]?.startsWith(NAME) === true;
    if (!isData && this.length > HELD) {
      this.takeLine();
      this.takePart(':'); // whatever it is, no one reads it
    }
    if (!this.isOpen && this.size + this.length > HELD) {
      if (this.id === undefined)
        this.id = idIn(this.data.join(' ') + (isData ? fieldValue(this.parts.join(''), NAME.length) : ''));
      if (!this.mayOpen(this.id)) {
        if (this.size + this.length > MOST_HELD) throw new RangeError('the event is too long');
        return;
      }
      given.push({ kind: 'open', data: this.data.map((value) => `${value} `).join(''), id: this.id });
      this.isOpen = true;
      this.data = [];
    }
    if (!this.isOpen || !isData || !this.length) return;
    const { isMidData } = this;
    const line = this.takeLine();
    given.push({ kind: 'more', data: isMidData ? line : fieldValue(line, NAME.length) });
    this.isMidData = true;
  }
}

/** The value of a field, behind its name of `length` characters with the colon. */
function fieldValue(line: string, length: number): string {
  return line.slice(line[length] === ' ' ? length + 1 : length);
}

/** The id of the response whose text begins so; null: it is none, or says it later. */
function idIn(text: string): number | null {
  let depth = 0;
  let isAtName = false;
  let member = '';
  let id: number | null = null;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') {
      const from = at++;
      while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      if (depth !== 1 || at >= text.length) continue;
      const value = text.slice(from, at + 1);
      if (!isAtName) id = member === 'id' ? numberIn(value.slice(1, -1)) : id;
      else if (value === '"method"') return null;
      else member = value.slice(1, -1);
    } else if (char === '{' || char === '[') {
      if (depth++ === 0) isAtName = char === '{';
      if (depth === 1 && char === '[') return null;
    } else if (char === '}' || char === ']') depth--;
    else if (depth === 1 && (char === ',' || char === ':')) isAtName = char === ',';
    else if (depth === 1 && member === 'id' && !isAtName && /\d/.test(char)) {
      const from = at;
      while (at < text.length && /[\d.eE+-]/.test(text[at] as string)) at++;
      id = numberIn(text.slice(from, at--));
    }
  }
  return id;
}

function numberIn(text: string): number | null {
  return /^\d/.test(text) && Number.isFinite(Number(text)) ? Number(text) : null;
}
