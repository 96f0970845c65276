// The shop's own code: the basket, and what the shop tells its vendors. It calls them without asking whether
// they are there, as most sites do; while a vendor is held, its stub answers.
(() => {
  'use strict';

  const CURRENCY = 'EUR';

  function itemOf(form) {
    const { product, name, price } = form.dataset;
    const quantity = Number((form.elements.quantity || { value: 1 }).value);
    return { id: product, name, price: Number(price), quantity, value: Number(price) * quantity };
  }

  function tell({ segment, google, meta, tiktok, plain }, item) {
    const { id, name, price, quantity, value } = item;
    const items = [{ item_id: id, item_name: name, price, quantity }];
    analytics.track(segment, { product_id: id, name, price, quantity, currency: CURRENCY });
    dataLayer.push({ ecommerce: null });
    dataLayer.push({ event: google, ecommerce: { currency: CURRENCY, value, items } });
    gtag('event', google, { currency: CURRENCY, value, items });
    fbq('track', meta, { content_ids: [id], content_type: 'product', value, currency: CURRENCY });
    ttq.track(tiktok, { contents: [{ content_id: id, content_name: name, quantity, price }], value, currency: CURRENCY });
    clarity('event', google);
    hj('event', google);
    plausible(plain, { props: { product: id } });
    _hsq.push(['trackCustomBehavioralEvent', { name: `pe0000000_${google}`, properties: { product: id } }]);
    uetq.push('event', google, { ecomm_prodid: id, revenue_value: value, currency: CURRENCY });
  }

  const VIEWED = { segment: 'Product Viewed', google: 'view_item', meta: 'ViewContent', tiktok: 'ViewContent', plain: 'Product viewed' };
  const ADDED = { segment: 'Product Added', google: 'add_to_cart', meta: 'AddToCart', tiktok: 'AddToCart', plain: 'Added to basket' };
  const BOUGHT = { segment: 'Order Completed', google: 'purchase', meta: 'Purchase', tiktok: 'CompletePayment', plain: 'Bought' };

  function basketCount() {
    const basket = (document.cookie.match(/(?:^|; )basket=([^;]*)/) || ['', ''])[1];
    return basket.split('_').reduce((sum, line) => sum + Number(line.split('.')[1] || 0), 0);
  }

  function say(text) {
    const said = document.querySelector('.said') || document.createElement('p');
    said.className = 'said';
    said.setAttribute('role', 'status');
    document.body.append(said);
    const link = document.createElement('a');
    link.href = '/basket';
    link.textContent = 'Open the basket';
    said.replaceChildren(text, link);
  }

  async function add(event) {
    event.preventDefault();
    const form = event.currentTarget;
    const item = itemOf(form);
    try {
      // The answer leads to the basket, which is not needed here; its cookie is.
      await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual' });
    } catch {
      form.submit();
      return;
    }
    document.getElementById('basket-count').textContent = basketCount();
    say(`Added: ${item.quantity > 1 ? `${item.quantity} × ` : ''}${item.name}`);
    tell(ADDED, item);
  }

  window._hsq = window._hsq || [];
  document.querySelectorAll('form[data-product]').forEach((form) => form.addEventListener('submit', add));

  const viewed = document.querySelector('[data-viewed]');
  if (viewed) tell(VIEWED, itemOf(viewed.querySelector('form')));

  if (location.pathname === '/thanks') {
    const value = Number(new URLSearchParams(location.search).get('total')) || 0;
    tell(BOUGHT, { id: 'order', name: 'Order', price: value, quantity: 1, value });
    gtag('event', 'conversion', { send_to: 'AW-000000000/AbC-D_efG-h12_34-567', value, currency: CURRENCY });
    lintrk('track', { conversion_id: 0 });
  }
})();
