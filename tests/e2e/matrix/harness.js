'use strict';
// What the ways in ways.yaml are made of. The ways follow, each as way(name, function (url, host, id) {…}).

const failed = {};

function way(name, run, targets) {
  for (const [index, host] of targets.entries()) {
    try {
      const done = run(`https://${host}/way/${name}`, host, `${name}-${index}`);
      if (done && done.catch) done.catch(error => { failed[`${name}-${index}`] = String(error); });
    } catch (error) {
      failed[`${name}-${index}`] = String(error);
    }
  }
}

function put(name) {
  const element = document.createElement(name);
  if (name === 'i') element.textContent = '.';
  return document.body.appendChild(element);
}

function frame() {
  return put('iframe');
}

function script(url) {
  const element = document.createElement('script');
  element.src = url;
  return element;
}

function blob(text, type) {
  return URL.createObjectURL(new Blob([text], {type}));
}

// The address at which the site serves this code as a script of its own.
function own(code, url) {
  return '/code.js?' + encodeURIComponent(`const url = ${JSON.stringify(url)};\n${code}`);
}

// The address at which the site serves this markup as a page of its own.
function doc(markup) {
  return '/doc?' + encodeURIComponent(markup);
}
