// The directory: finds as you type.
import { $, plural } from './common.js';

const search = $('search'), seen = $('only-seen'), items = [...$('vendors').children];

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const item of items) {
    item.hidden = !words.every((word) => item.dataset.words.includes(word)) || Boolean(seen && seen.checked && !('seen' in item.dataset));
    if (!item.hidden) count += 1;
  }
  $('found').textContent = plural(count, 'vendor');
  const address = new URL(location.href);
  if (search.value) address.searchParams.set('q', search.value); else address.searchParams.delete('q');
  history.replaceState(null, '', address);
}

search.addEventListener('input', find);
if (seen) seen.addEventListener('change', find);
search.form.addEventListener('submit', (event) => event.preventDefault());
find();
