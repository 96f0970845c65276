// Tells the audit who writes cookies and web storage: `__consentryAudit(kind, name, script)`. Every override passes
// everything on, and a name is told once.
(() => {
  "use strict";
  const tell = globalThis.__consentryAudit;
  if (typeof tell !== "function") return;
  const told = new Set();
  const address = /https?:\/\/[^\s()]+?(?=:\d+(?::\d+)?\)?(?:\s|$))/;
  const script = () => (address.exec(new Error().stack || "") || [""])[0];
  const wrote = (kind, name) => {
    try {
      if (told.size > 500 || told.has(kind + name)) return;
      told.add(kind + name);
      void tell(kind, String(name).slice(0, 200), script().slice(0, 2000));
    } catch {
      // A page that is being left tells nothing more.
    }
  };
  const keep = (target, name, wrap) => {
    const found = target && Object.getOwnPropertyDescriptor(target, name);
    if (!found || !found.configurable) return;
    const place = found.set ? "set" : "value";
    const original = found[place];
    if (typeof original !== "function") return;
    const replaced = wrap(original);
    Object.defineProperty(replaced, "name", {value: original.name, configurable: true});
    Object.defineProperty(replaced, "length", {value: original.length, configurable: true});
    replaced.toString = () => Function.prototype.toString.call(original);
    Object.defineProperty(target, name, {...found, [place]: replaced});
  };
  keep(Document.prototype, "cookie", original => function (value) {
    wrote("cookie", String(value).split(";")[0].split("=")[0].trim());
    return original.call(this, value);
  });
  if (globalThis.CookieStore) {
    keep(CookieStore.prototype, "set", original => function (...all) {
      wrote("cookie", all[0] && typeof all[0] === "object" ? all[0].name : all[0]);
      return original.apply(this, all);
    });
  }
  keep(Storage.prototype, "setItem", original => function (...all) {
    let area = "session";
    try {
      area = this === localStorage ? "local" : "session";
    } catch {
      // A frame without storage has none to tell of.
    }
    wrote(area, all[0]);
    return original.apply(this, all);
  });
})();
