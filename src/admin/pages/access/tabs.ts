/** The three lists of apps, as tabs of one page. @param href to a list that is narrowed, as it stays */
export function appTabs(here: 'active' | 'ended' | 'registered', href = atState) {
  return {
    label: 'Lists of apps',
    ways: [
      { href: href({ state: 'active' }), text: 'Has access', isHere: here === 'active' },
      { href: href({ state: 'ended' }), text: 'Access ended', isHere: here === 'ended' },
      { href: '/admin/apps', text: 'All registered', isHere: here === 'registered' },
    ],
  };
}

function atState({ state }: { state: 'active' | 'ended' }): string {
  return state === 'active' ? '/admin/access' : '/admin/access?state=ended';
}
