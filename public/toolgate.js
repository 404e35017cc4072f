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
