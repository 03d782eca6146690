/* consentgate: holds cookies of scripts to the policy. First in <head>, not deferred.
   It stops honest scripts; hostile ones get round it. */
(() => {
  if (window.consentgateGuard) return; // In the page twice.
  Object.defineProperty(window, "consentgateGuard", { value: true });
  // Without a list nothing may be written.
  const { cookies = "", report } = document.currentScript?.dataset ?? {};
  // Not against a <base>, which could be another site's.
  const address = origin + report;

  // Data: signs and names, "*" for what can be declared, alone for all.
  let rules;
  const learn = (list) => {
    rules = list.split(" ").map((row) => {
      const name = row.slice(1).replace(/[^\w*]/g, "\\$&").replaceAll("*", "[!#-+\\--:<-[\\]-~]*");
      return [RegExp(/^[+~]\*$/.test(row) ? "" : `^${name}$`), row[0]];
    });
  };
  const declared = (name) => rules.find(([pattern]) => pattern.test(name))?.[1];
  // Servers take the value of a nameless one for a name.
  const odd = (name) => !name && rules.some(([, sign]) => sign === "-");

  const told = new Set();
  let refused = [];
  const send = () => {
    const body = [JSON.stringify({ refused, page: location.pathname })];
    if (refused.length) navigator.sendBeacon?.(address, new Blob(body, { type: "application/json" }));
    refused = [];
  };
  addEventListener("pagehide", send);
  const passes = (name, sign = (!odd(name) && declared(name)) || "-") => {
    // Once: who hears of it may write it again.
    if (sign !== "+" && told.size < 20 && !told.has(name)) {
      told.add(name);
      const detail = { name: name.slice(0, 200), enforced: sign === "-" };
      if (report && refused.push(detail) === 1) setTimeout(send, 500);
      document.dispatchEvent(new CustomEvent("consentgate:refused", { bubbles: true, detail }));
    }
    return sign !== "-";
  };

  // RFC 6265bis 5.6: blanks are SP and HTAB alone.
  const trimmed = (text) => text.replace(/^[ \t]+|[ \t]+$/g, "");
  const split = (text) => text.split(/=(.*)/s).map(trimmed);
  const nameOf = (pair) => (pair.includes("=") ? split(pair)[0] : "");
  // 5.7: the last of a name counts, Max-Age most. In doubt it is none.
  const deletes = (attributes) => {
    const last = Object.fromEntries(attributes.map((text) => split(text.toLowerCase())));
    if ("max-age" in last) return /^(-\d{1,99}|0{1,99})$/.test(last["max-age"]);
    // Old spellings: dashes, a year of two digits, a day of one.
    const date = last.expires
      ?.replace(/-(\w+)-/, " $1 ")
      .replace("utc", "gmt")
      .replace(/ ([7-9]\d) /, " 19$1 ")
      .replace(/ (\d) /, " 0$1 ");
    const time = new Date(date);
    return Math.abs(time) < Date.now() && time.toUTCString().toLowerCase() === date;
  };
  const { set } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", {
    set(value) {
      const line = `${value}`;
      const [pair, ...attributes] = line.split(";");
      const name = nameOf(pair);
      // 5.6: never stored whole.
      const spoilt = /[\0-\x08\n-\x1f\x7f]/.test(line);
      if (spoilt ? passes(name, "-") : deletes(attributes) || passes(name)) set.call(this, line);
    },
  });

  const put = window.CookieStore?.prototype.set;
  if (put)
    CookieStore.prototype.set = async function (first, ...more) {
      const { name, expires, maxAge } = more.length ? { name: first } : Object(first);
      const gone = expires != null && expires < Date.now() && maxAge == null;
      // What is no cookie at all is the browser's to refuse.
      const none = !more.length && first !== Object(first);
      if (gone || none || passes(trimmed(`${name}`))) return put.call(this, first, ...more);
    };

  const expire = (name) => {
    const labels = location.hostname.split(".", 9);
    const domains = labels.map((_, at) => `; Domain=${labels.slice(at).join(".")}`);
    const ends = isSecureContext ? ["", "; Secure; Partitioned"] : [""];
    let path = location.protocol === "https:" ? "Secure; Path=" : "Path=";
    for (const step of location.pathname.split("/", 9))
      for (const part of [step, "/"]) {
        path += part;
        for (const domain of ["", ...domains])
          for (const end of ends)
            document.cookie = `${name}=; ${path}${domain}; Max-Age=0${end}`;
      }
  };
  const hold = (list) => {
    learn(list);
    try {
      // What is refused may be older than that.
      const names = document.cookie.split("; ", 200).map(nameOf);
      names.filter((name) => name && declared(name) === "-").forEach(expire);
    } catch {} // No cookies in a sandbox.
  };
  hold(cookies);
  // Captured: before all others.
  const hear = ({ detail }) => detail?.scripts != null && hold(detail.scripts);
  addEventListener("consentgate:change", hear, true);
})();
