import type { Page } from 'playwright-core';

/** Heights do not matter: what is below is scrolled to. Pixels. */
const HEIGHT = 800;

/**
 * What leaves the view, or is lost, at each of `widths` (SECURITY 31, last sentence): a page that scrolls sideways, a control
 * outside it or without a size, text cut off by its box or painted over its neighbours, the gateway's address broken in mid-word.
 */
export async function misfitsOf(page: Page, widths: readonly number[]): Promise<string[]> {
  const found: string[] = [];
  const shown = page.viewportSize()?.width; // measured first: a page is laid out again for every other width
  for (const width of [...widths].sort((a, b) => Number(b === shown) - Number(a === shown))) {
    if (page.viewportSize()?.width !== width) await page.setViewportSize({ width, height: HEIGHT });
    found.push(...(await page.evaluate<string[]>(MEASURE)).map((fault) => `${width} px: ${fault}`));
  }
  return found;
}

/** Runs in the page. Only code and ways to other pages may scroll sideways within themselves. */
const MEASURE = `(() => {
  const { host } = location;
  const SCROLLERS = 'pre, .tabs, .side nav';
  const CONTROLS = 'button, .button, input:not([type=hidden]), select, textarea, summary, a, [popovertarget]';
  const faults = [];
  const view = document.documentElement.clientWidth;
  const called = (element) => element.tagName.toLowerCase() + [...element.classList].map((name) => '.' + name).join('') +
    ' in ' + (element.parentElement?.className || element.parentElement?.tagName) + ' "' + (element.textContent || element.value || '').trim().slice(0, 30) + '"';
  if (document.scrollingElement.scrollWidth > view) faults.push('scrolls to ' + document.scrollingElement.scrollWidth);
  const isUnseen = (element) => element.closest('.unseen, svg, option, optgroup, head') !== null || !element.checkVisibility({ visibilityProperty: true });
  for (const element of document.querySelectorAll('body *')) {
    if (isUnseen(element)) continue;
    const { left, right, width, height } = element.getBoundingClientRect();
    if (element.matches(CONTROLS)) {
      if (width < 4 || height < 4) faults.push('has no size: ' + called(element));
      else if ((left < 0 || right > view + 0.5) && !element.parentElement.closest(SCROLLERS)) faults.push('is out of view, ' + Math.round(left) + ' to ' + Math.round(right) + ': ' + called(element));
    }
    const { overflowX, display, webkitLineClamp } = getComputedStyle(element);
    const isWider = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && display !== 'inline';
    if (isWider && !element.matches(SCROLLERS + ', input, textarea, select') && !(overflowX !== 'visible' && element.title)) faults.push('loses text: ' + called(element));
    if (/hidden|clip/.test(overflowX) && element.scrollHeight > element.clientHeight + 1 && !element.title) faults.push('cuts lines off: ' + called(element));
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const runs = new Map();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (parent.closest('script') || isUnseen(parent)) continue;
    const run = parent.closest('.address, .host') ?? parent;
    runs.set(run, [...(runs.get(run) ?? []), node]);
  }
  const topOf = ({ node, at }) => {
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect().top;
  };
  for (const [run, nodes] of runs) {
    const text = nodes.map(({ data }) => data).join('');
    if (!text.includes(host)) continue;
    const letters = nodes.flatMap((node) => node.data.split('').map((_, at) => ({ node, at })));
    for (let start = text.indexOf(host); start >= 0; start = text.indexOf(host, start + 1)) {
      const address = /^[^\\s"'<>]+/.exec(text.slice(start))[0];
      for (let at = start + 1; at < start + address.length; at++) {
        const isInWord = /^[a-z0-9]{2}$/i.test(text.slice(at - 1, at + 1));
        if (isInWord && Math.abs(topOf(letters[at]) - topOf(letters[at - 1])) > 4) faults.push('breaks after "' + text.slice(start, at) + '": ' + called(run));
      }
    }
  }
  return [...new Set(faults)];
})()`;
