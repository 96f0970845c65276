// The site page: copies what is to be pasted elsewhere.
import { $ } from './common.js';

async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    // Without HTTPS there is no such clipboard; what is selected can be copied all the same.
    field.select();
    if (!document.execCommand('copy')) throw error;
  }
}

let timer = 0;
for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const field = $(button.dataset.copy);
    try {
      await copy(field.value, field);
      $('said').textContent = 'Copied.';
    } catch (error) {
      field.focus();
      field.select();
      $('said').textContent = 'Selected; press Ctrl+C to copy.';
    }
    clearTimeout(timer);
    timer = setTimeout(() => { $('said').textContent = ''; }, 4000);
  });
}

const site = $('site');
if (site) site.addEventListener('change', () => site.form.requestSubmit());
