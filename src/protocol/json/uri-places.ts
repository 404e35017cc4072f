/** Where a JSON value has URIs of resources. */
export type UriPlaces = {
  /** A string here is one. */
  isUri?: true;
  members?: ReadonlyMap<string, UriPlaces>;
  /** Any other member. */
  others?: UriPlaces;
  items?: UriPlaces;
  /** The member that says of what kind an object here is. */
  kindIn?: KindMember;
  /** What it has to say in the nearest object around with this member; else no URI is here. */
  only?: { kindIn: KindMember; is: string };
};

type KindMember = 'type' | 'method';

const URI: UriPlaces = { isUri: true };

const object = (members: Record<string, UriPlaces>): UriPlaces => ({
  members: new Map(Object.entries(members)),
});
const list = (items: UriPlaces): UriPlaces => ({ items });
const oneOrList = (places: UriPlaces): UriPlaces => ({ ...places, items: places });
const ofType = (is: string, places: UriPlaces): UriPlaces => ({ ...places, only: { kindIn: 'type', is } });
const ofMethod = (is: string, places: UriPlaces): UriPlaces => ({
  ...places,
  only: { kindIn: 'method', is },
});

/** What names an MCP App's page: of a tool, and of what it answers. The flat names are those of before the extension. */
const META = object({
  ui: object({ resourceUri: URI }),
  'ui/resourceUri': URI,
  'openai/outputTemplate': URI,
});

const BLOCK_MEMBERS = {
  uri: ofType('resource_link', URI),
  resource: ofType('resource', object({ uri: URI })),
};
const BLOCK: UriPlaces = { ...object(BLOCK_MEMBERS), kindIn: 'type' };
/** Of a message that a model reads or writes: what a tool answered is inside a block of its own. */
const SAMPLING_BLOCK: UriPlaces = { ...object({ ...BLOCK_MEMBERS, content: list(BLOCK) }), kindIn: 'type' };

const SAMPLED = ofMethod('sampling/createMessage', list(object({ content: oneOrList(SAMPLING_BLOCK) })));

/** What a server asks in place of an answer (MCP 2026-07-28, Multi Round-Trip Requests), by names of its own. */
const QUESTIONS: UriPlaces = {
  others: {
    ...object({ params: object({ messages: SAMPLED }) }),
    kindIn: 'method',
  },
};

const COMMON = { _meta: META, inputRequests: QUESTIONS };

const TOOL_RESULT = object({ ...COMMON, content: list(BLOCK) });
const RESULTS = {
  'tools/call': TOOL_RESULT,
  'tasks/result': TOOL_RESULT,
  'prompts/get': object({ ...COMMON, messages: list(object({ content: oneOrList(BLOCK) })) }),
  'resources/read': object({ ...COMMON, contents: list(object({ uri: URI })) }),
};

const PARAMS = object({
  messages: SAMPLED,
  uri: ofMethod('notifications/resources/updated', URI),
});
const ERROR = object({ data: object({ uri: URI }) });

/** By method: where messages have URIs that a server sends while it answers such a request. */
export const MESSAGE_PLACES: ReadonlyMap<string, UriPlaces> = new Map(
  Object.entries(RESULTS).map(([method, result]) => [
    method,
    { ...object({ result, error: ERROR, params: PARAMS }), kindIn: 'method' },
  ]),
);

/** Where a tool's definition has them. */
export const TOOL_PLACES: UriPlaces = object({ _meta: META });
