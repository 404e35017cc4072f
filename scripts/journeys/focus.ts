import type { ElementHandle } from 'playwright-core';

/** Where the focus is, seen from what Tab is to come to. */
export type Stop = {
  /** It is what was meant. */
  isMeant: boolean;
  /** What was meant comes before it on the page. */
  isPast: boolean;
  /** It is a radio button of the same group, which Tab comes to once. */
  isOfGroup: boolean;
  /** What has the focus, where nothing of it is to be seen: it is off screen, or covered. */
  hidden: string | null;
};

/** What is said of an element whose page is gone. */
const GONE = /context was destroyed|Cannot find context|not attached|Target closed|Frame was detached/i;

/** Looks at the page where the focus is. WCAG 2.2, 2.4.11: what has it is not wholly hidden. Null: the target is no part of the page any more. */
export function stopAt(target: ElementHandle): Promise<Stop | null> {
  const looked = target.evaluate((meant) => {
    if (!meant.isConnected) return null;
    const page = meant.ownerDocument;
    const one = page.activeElement;
    const { clientWidth, clientHeight } = page.documentElement;
    const isOfGroup = one.type === 'radio' && one.name === meant.name && one.form === meant.form;
    const box = one.getBoundingClientRect();
    const [left, right] = [Math.max(box.left, 0), Math.min(box.right, clientWidth)];
    const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, clientHeight)];
    const around = one.closest('label') ?? one;
    const parts = [0.5, 0.1, 0.9];
    const isHit = (x: number, y: number) => {
      const hit = page.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
      return hit !== null && (around.contains(hit) || hit.contains(one));
    };
    const isInView = right > left && bottom > top;
    const isSeen = one === page.body || (isInView && parts.some((x) => parts.some((y) => isHit(x, y))));
    const words = (one.textContent || one.value || one.name || '').trim().slice(0, 40);
    return {
      isMeant: one === meant,
      isPast: one !== page.body && (meant.compareDocumentPosition(one) & 4) !== 0, // DOCUMENT_POSITION_FOLLOWING
      isOfGroup,
      hidden: isSeen
        ? null
        : `${one.tagName.toLowerCase()} "${words}" ${isInView ? 'is covered' : 'is off screen'}`,
    };
  });
  return looked.catch((error: unknown) => {
    if (!GONE.test(String(error))) throw error;
    return null;
  });
}
