/** What a page's HTML holds, for rules that hold on every page. */
export type PageFacts = {
  title: string;
  headings: number[];
  /** Script, style or an event handler within the page itself. */
  inline: string[];
  /** Addresses that are loaded when the page is shown, or that a form is sent to. */
  loaded: string[];
  /** Controls without a name for people: by id, in a label, or said in an attribute. */
  unlabelled: string[];
  /** What browsers compare an input's value with. */
  patterns: string[];
  /** Each form that is posted, with the names and values of its hidden fields. */
  posted: { action: string; hidden: Map<string, string> }[];
};

const NEEDS_NO_LABEL = new Set(['hidden', 'submit', 'button']);

/** Reads a page as a browser would. */
export async function factsOf(html: string): Promise<PageFacts> {
  const facts: PageFacts = {
    title: '',
    headings: [],
    inline: [],
    loaded: [],
    unlabelled: [],
    patterns: [],
    posted: [],
  };
  const labelled = new Set<string>();
  const controls: { id: string | null; text: string }[] = [];
  let labels = 0;
  await new HTMLRewriter()
    .on('title', {
      text: ({ text }) => {
        facts.title += text;
      },
    })
    .on('h1, h2, h3, h4, h5, h6', { element: ({ tagName }) => void facts.headings.push(Number(tagName[1])) })
    .on('style', { element: () => void facts.inline.push('<style>') })
    .on('*', {
      element: ({ tagName, attributes }) => {
        for (const [name = '', value] of attributes) {
          if (name === 'style' || name.startsWith('on') || /^javascript:/i.test(value ?? '')) {
            facts.inline.push(`<${tagName} ${name}>`);
          }
        }
      },
    })
    .on('script', {
      element: (script) => {
        if (!script.getAttribute('src')) facts.inline.push('<script>');
      },
    })
    .on('[src], link[href], [srcset], [poster], object[data]', {
      element: (element) => {
        for (const name of ['src', 'href', 'srcset', 'poster', 'data']) {
          const address = element.getAttribute(name);
          if (address) facts.loaded.push(address);
        }
      },
    })
    .on('label', {
      element: (label) => {
        labelled.add(label.getAttribute('for') ?? '');
        labels++;
        label.onEndTag(() => void labels--);
      },
    })
    .on('input, select, textarea', {
      element: (control) => {
        const isNamed =
          labels > 0 || control.getAttribute('aria-label') || control.getAttribute('aria-labelledby');
        if (isNamed || NEEDS_NO_LABEL.has(control.getAttribute('type') ?? '')) return;
        controls.push({
          id: control.getAttribute('id'),
          text: `${control.tagName} ${control.getAttribute('name')}`,
        });
      },
    })
    .on('[pattern]', {
      element: (input) => void facts.patterns.push(input.getAttribute('pattern') ?? ''),
    })
    .on('form[method="post"]', {
      element: (form) =>
        void facts.posted.push({ action: form.getAttribute('action') ?? '', hidden: new Map() }),
    })
    .on('form[method="post"] input[type="hidden"]', {
      element: (input) => {
        facts.posted.at(-1)?.hidden.set(input.getAttribute('name') ?? '', input.getAttribute('value') ?? '');
      },
    })
    .transform(new Response(html))
    .text();
  facts.unlabelled = controls.filter(({ id }) => !id || !labelled.has(id)).map(({ text }) => text);
  return facts;
}
