// What pages do more smoothly with JavaScript: copy, filter, popups that close themselves, waiting. All of them work without.

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const word = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = word;
    }, 2000);
  });
}

// <input data-filter="id of a list">: hides what does not hold the words typed. Items are [data-item], else what the list
// consists of; an item within another that holds them stays. The labels of an item speak for it where it has some.
for (const input of document.querySelectorAll('input[data-filter]')) {
  const list = document.getElementById(input.dataset.filter);
  const marked = list.querySelectorAll('[data-item]');
  const items = marked.length ? [...marked] : [...list.children];
  const wordsOf = (item) => {
    const labels = [...item.querySelectorAll('label')];
    return (labels.length ? labels.map((label) => label.textContent).join(' ') : item.textContent).toLowerCase();
  };
  input.addEventListener('input', () => {
    const words = input.value.trim().toLowerCase();
    for (const item of items) {
      const around = item.parentElement.closest('[data-item]')?.querySelector('label').textContent ?? '';
      item.hidden = !`${wordsOf(item)} ${around.toLowerCase()}`.includes(words);
    }
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') event.preventDefault(); // would send the form it stands in
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

// A form is sent once by a double click. The gateway answers both alike; this spares it the second.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post' || 'popup' in form.dataset) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = 'on';
  setTimeout(() => delete form.dataset.sent, 2000);
});
