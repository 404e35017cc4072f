// What pages do more smoothly with JavaScript: copy, filter, popups that close themselves, waiting. All of them work without.

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const word = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => {
      button.textContent = word;
    }, 2000);
  });
}

// <input data-filter="id of a list">: hides what does not hold the words typed.
for (const input of document.querySelectorAll('input[data-filter]')) {
  const list = document.getElementById(input.dataset.filter);
  input.closest('[hidden]')?.removeAttribute('hidden');
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase();
    for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(words);
  });
}
