// What pages do more smoothly with JavaScript: copy, filter, popups that close themselves, waiting. All of them work without.

// A page that answered a form is asked for again by its address when someone comes Back to it or reloads it: by itself a browser
// shows an error page.
history.replaceState(null, '', location.href);

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const shown = button.innerHTML;
    button.textContent = 'Copied';
    setTimeout(() => {
      button.innerHTML = shown;
    }, 2000);
  });
}

// <input data-filter="id of a list">: hides what does not hold the words typed. Items are [data-item], else what the list
// consists of; an item within another that holds them stays. The labels of an item speak for it where it has some, and a name
// that is cut is searched whole.
const narrow = (input) => {
  const list = document.getElementById(input.dataset.filter);
  const marked = list.querySelectorAll('[data-item]');
  const items = marked.length ? [...marked] : [...list.children];
  const textOf = (one) => [one.textContent, ...[...one.querySelectorAll('bdi[title]')].map(({ title }) => title)].join(' ');
  const wordsOf = (item) => {
    const labels = [...item.querySelectorAll('label')];
    return (labels.length ? labels : [item]).map(textOf).join(' ').toLowerCase();
  };
  const words = input.value.trim().toLowerCase();
  for (const item of items) {
    const around = item.parentElement.closest('[data-item]')?.querySelector('label').textContent ?? '';
    item.hidden = !`${wordsOf(item)} ${around.toLowerCase()}`.includes(words);
  }
};
addEventListener('input', ({ target }) => target.dataset.filter && narrow(target));
addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.dataset.filter) event.preventDefault(); // would send the form it stands in
});

// The picker of servers and tools (.picker): its steps (button[name=again]) are taken without leaving the page, one at a time;
// buttons pressed meanwhile wait in turn. The form is sent as it stands, and the picker of the answer put in place of this one.
const waiting = [];
const wait = (button) => waiting.includes(button) || waiting.push(button);
const takeStep = async (form, button, isAsked = true) => {
  if (form.ariaBusy) {
    if (!button.ariaBusy) wait(button);
    return;
  }
  form.ariaBusy = 'true';
  button.ariaBusy = 'true';
  const picker = form.querySelector('.picker');
  const changed = new Set();
  picker.addEventListener('input', ({ target }) => changed.add(target));
  const html = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form, button)) })
    .then((response) => (response.ok ? response.text() : ''))
    .catch(() => '');
  const next = new DOMParser().parseFromString(html, 'text/html').querySelector('.picker');
  form.ariaBusy = null;
  if (!next) {
    button.ariaBusy = null;
    if (isAsked) form.requestSubmit(button); // the page of the answer says what is wrong
    else goOn(picker);
    return;
  }
  const place = placeAfter(picker, next, button, changed);
  keepWhatIsDone(picker, next, changed);
  picker.replaceWith(next);
  for (const input of next.querySelectorAll('[data-filter]')) if (input.value) narrow(input);
  for (const one of changed) sameIn(next, one)?.dispatchEvent(new Event('change', { bubbles: true }));
  place()?.focus();
  goOn(next);
};

/** Presses the first of the buttons that wait, as it is now. */
const goOn = (picker) => {
  while (waiting.length) {
    const first = waiting.shift();
    const button = first.isConnected ? first : sameIn(picker, first);
    if (button) return button.click();
  }
};

/** The control in another picker that is the same as this one. */
const sameIn = (picker, { id, tagName, name, value, dataset: { filter } }) =>
  [...picker.querySelectorAll(tagName)].find((one) =>
    id || filter ? one.id === id && one.dataset.filter === filter : one.name === name && one.value === value,
  );

/**
 * Has the next picker keep what was typed in filters, opened, and changed since the form was sent: a row that was changed and is
 * folded there stays as it is.
 */
const keepWhatIsDone = (picker, next, changed) => {
  for (const one of changed) {
    const row = one.closest('.pick');
    if (row && !sameIn(next, one)) within(next, row, '')[0]?.replaceWith(row);
  }
  for (const one of [...picker.querySelectorAll('[data-filter]'), ...changed]) {
    const same = sameIn(next, one);
    if (same) Object.assign(same, one.type === 'checkbox' ? { checked: one.checked } : { value: one.value });
  }
  for (const one of picker.querySelectorAll('details[open]')) {
    const around = [next, ...next.querySelectorAll('.pick')].find(({ id }) => id === one.parentElement.id);
    around?.querySelector(':scope > details')?.setAttribute('open', '');
  }
};

/** What stands in the row of a picker that is the same as `row`; `''`: that row. */
const within = (picker, row, what) => [...picker.querySelectorAll(`[id="${row?.id}"] ${what}`)];

/** Finds, once the next picker stands there, where someone goes on after a step: where they went meanwhile, to what came, or near what went. */
const placeAfter = (picker, next, button, changed) => {
  const focused = document.activeElement;
  const isHere = picker.contains(focused);
  if (!isHere && focused !== document.body) return () => null;
  const hasMovedOn = isHere && focused !== button && (focused.name !== 'add' || changed.has(focused));
  const before = [...picker.querySelectorAll('.tools input')];
  const row = button.closest('.pick');
  const after = row?.nextElementSibling;
  return () => {
    const tools = within(next, row, '.tools li:not([hidden]) input');
    return [
      hasMovedOn && sameIn(next, focused),
      next.querySelector('[autofocus]'),
      sameIn(next, button),
      tools.find(({ value }) => !before.some((one) => row.contains(one) && one.value === value)) ?? tools[0],
      within(next, row, 'select')[0],
      within(next, after, 'select, button')[0],
      next.querySelector('[name=add]'),
    ].find(Boolean);
  };
};
for (const form of document.querySelectorAll('form:has(.picker)')) {
  const named = (n, one) => `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;
  form.addEventListener('click', (event) => {
    const button = event.target.closest('.picker button[name=again]');
    if (!button) return;
    event.preventDefault();
    takeStep(form, button);
  });
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.target.name !== 'add') return;
    event.preventDefault();
    takeStep(form, form.querySelector('.picker button[value=add]'));
  });
  form.addEventListener('submit', (event) => {
    if (!form.ariaBusy) return;
    event.preventDefault(); // what is sent has the step in it
    wait(event.submitter);
  });
  let timer = 0;
  form.addEventListener('input', (event) => {
    const { target: field } = event;
    const more = field.dataset.filter && field.closest('.pick')?.querySelector('button[value^="more."]');
    if (more) takeStep(form, more, false); // what is looked for may be among those not shown
    if (!field.dataset.suggest) return;
    clearTimeout(timer);
    const isChosen = !(event instanceof InputEvent) || event.inputType === 'insertReplacementText';
    if (isChosen && [...field.list.options].some(({ value }) => value === field.value)) {
      takeStep(form, form.querySelector('.picker button[value=add]'));
      return;
    }
    timer = setTimeout(async () => {
      const address = `${field.dataset.suggest}?${new URLSearchParams({ search: field.value })}`;
      const answer = await fetch(address).catch(() => null);
      const names = answer?.ok ? await answer.text() : null;
      if (names !== null && field.isConnected) field.list.innerHTML = names;
    }, 150);
  });
  form.addEventListener('change', ({ target }) => {
    const row = target.closest('.picker .pick');
    if (!row) return;
    const boxes = [...row.querySelectorAll('.of-some ul input')];
    const isAll = row.querySelector('select').value === 'all';
    if (!isAll && !boxes.length) {
      takeStep(form, row.querySelector('button[value^="open."]'));
      return;
    }
    const count = row.querySelector('[data-of]');
    const all = named(Number(count.dataset.of), 'tool');
    const ticked = boxes.filter(({ checked }) => checked).length + Number(count.dataset.more ?? 0);
    count.textContent = isAll ? `${all}, and new ones` : `${ticked.toLocaleString('en')} of ${all}`;
    const output = form.querySelector('.picker output');
    if (output) output.textContent = 'Not saved yet';
  });
}

// Servers and tools to choose from (.pick, with how many tools it has and how many of them write): the tools of one come when
// it is opened, All, Read-only and None tick in place, and the <output> of the form counts.
for (const form of document.querySelectorAll('form:has(.pick input[name=server])')) {
  const rows = [...form.querySelectorAll('.pick:has(input[name=server])')];
  const serverOf = (row) => row.querySelector('input[name=server]');
  const boxesOf = (row) => [...row.querySelectorAll('details input[type=checkbox]')];
  const toolsOf = (row) => [...row.querySelectorAll('input[name=tool]')];
  const isShown = (row) => row.querySelector('input[name=shown]') !== null;
  const readsOf = (row) => Number(row.dataset.tools) - Number(row.dataset.writes);
  const named = (n, one) => `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;

  /** Says that of a row whose tools are not here only those that read are chosen, or no longer. */
  const setReading = (row, isReading) => {
    const body = row.querySelector('details > div');
    if (!body || isShown(row)) return;
    body.querySelector('input[value=read]')?.remove();
    const all = named(Number(row.dataset.tools), 'tool');
    row.querySelector('summary').textContent = isReading ? `${readsOf(row)} of ${all}` : all;
    if (!isReading) return;
    const field = Object.assign(document.createElement('input'), { type: 'hidden', value: 'read' });
    field.name = `tools.${serverOf(row).value}`;
    body.prepend(field);
  };
  const isReading = (row) => !isShown(row) && row.querySelector('details input[value=read]') !== null;

  const pick = (row, which) => {
    for (const box of boxesOf(row)) {
      box.checked = which === 'all' || (which === 'read' && (box.name !== 'tool' || 'reads' in box.dataset));
    }
    serverOf(row).checked = which === 'all' || (which === 'read' && readsOf(row) > 0);
    setReading(row, which === 'read' && readsOf(row) > 0);
  };

  const count = () => {
    let [servers, tools, writes] = [0, 0, 0];
    for (const row of rows.filter((row) => serverOf(row).checked)) {
      const ticked = toolsOf(row).filter((box) => box.checked);
      servers += 1;
      tools += isShown(row) ? ticked.length : isReading(row) ? readsOf(row) : Number(row.dataset.tools);
      if (isShown(row)) writes += ticked.filter((box) => !('reads' in box.dataset)).length;
      else if (!isReading(row)) writes += Number(row.dataset.writes);
    }
    const output = form.querySelector('output');
    if (!output) return;
    const some = document.createElement('b');
    some.textContent = `${servers} of ${named(rows.length, 'server')}`;
    output.replaceChildren(some, `, ${named(tools, 'tool')}, ${writes.toLocaleString('en')} can change something`);
  };

  const load = async (row, details) => {
    const { load: address } = details.dataset;
    if (!address || !details.open) return;
    delete details.dataset.load;
    const tools = await fetch(address)
      .then((response) => (response.ok ? response.text() : null))
      .catch(() => null);
    if (tools === null) {
      details.dataset.load = address; // its button shows them, or says why not
      return;
    }
    const which = !serverOf(row).checked ? 'none' : isReading(row) ? 'read' : 'all';
    details.querySelector('div').outerHTML = tools;
    row.querySelector('summary').textContent = named(Number(row.dataset.tools), 'tool');
    pick(row, which);
    count();
  };

  form.addEventListener('toggle', ({ target }) => load(target.closest('.pick'), target), true);
  form.addEventListener('change', ({ target }) => {
    const row = target.closest('.pick');
    if (target.name === 'access' && target.value !== 'chosen') {
      for (const box of form.querySelectorAll('input[name=read_only]')) box.checked = false; // it belongs to the choice
    }
    if (!row) return;
    if (target === serverOf(row)) {
      setReading(row, false);
      if (target.checked && boxesOf(row).every((box) => !box.checked)) pick(row, 'all');
    } else serverOf(row).checked = boxesOf(row).some((box) => box.checked);
    count();
  });
  form.addEventListener('click', (event) => {
    const button = event.target.closest('button[name=pick], button[name^="tools."]');
    if (!button) return;
    event.preventDefault();
    for (const row of button.name === 'pick' ? rows : [button.closest('.pick')]) pick(row, button.value);
    count();
  });
}

// <… data-wait="address">: asks there how far something has come, ever less often and only while it is looked at, and says so
// in its [role=status]; it stops once that is over, or after ten minutes.
for (const place of document.querySelectorAll('[data-wait]')) {
  const until = Date.now() + 600_000;
  let pause = 2000;
  let timer = 0;
  const ask = async () => {
    const answer = await fetch(place.dataset.wait)
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null);
    if (answer && answer.state !== place.dataset.state) {
      place.dataset.state = answer.state;
      place.querySelector('[role=status]').textContent = answer.words;
    }
    pause = Math.min(pause * 1.15, 15_000);
    if (answer?.state === 'connected') document.removeEventListener('visibilitychange', look);
    else again();
  };
  const again = () => {
    clearTimeout(timer);
    if (Date.now() < until && !document.hidden) timer = setTimeout(ask, pause);
  };
  const look = () => {
    if (!document.hidden) pause = 1000; // whoever comes back may just have answered
    again();
  };
  document.addEventListener('visibilitychange', look);
  again();
}

// <form data-popup>: goes to another site in a window of its own, which closes itself ([data-done]); then this page is read
// anew. Where no window opens, it goes there and comes back in this one.
const trips = new BroadcastChannel('toolgate-trips');
for (const form of document.querySelectorAll('form[data-popup]')) {
  form.addEventListener('submit', () => {
    if (!window.open('', 'toolgate-trip', 'popup,width=560,height=760')) return;
    form.target = 'toolgate-trip';
    form.elements.popup.value = 'on';
    trips.onmessage = () => location.replace(location.origin + location.pathname);
  });
}
if (document.querySelector('[data-done]')) {
  trips.postMessage('done');
  window.close();
}

// A form is sent once by a double click, and its button says what it waits for (data-busy). The gateway answers both alike; this
// spares it the second. The button stays enabled: its own value is sent. A form that opens a window of its own, or brings a file
// (data-download), is ready again at once.
addEventListener('submit', (event) => {
  const { target: form, submitter: button } = event;
  if (form.method !== 'post' || event.defaultPrevented || 'popup' in form.dataset) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = 'on';
  if (button?.dataset.busy) {
    button.dataset.idle = button.innerHTML;
    button.textContent = button.dataset.busy;
    button.ariaBusy = 'true';
  }
  if ('download' in form.dataset) setTimeout(ready, 2000);
});
// Shown again from the browser's memory, by Back.
addEventListener('pageshow', ready);
function ready() {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
  for (const button of document.querySelectorAll('[data-idle]')) {
    button.innerHTML = button.dataset.idle;
    delete button.dataset.idle;
    button.ariaBusy = null;
  }
}
