/* A stand-in for Google's tag with a GA4 property, which is published nowhere to be kept: it takes
   commands as that does, and sets the same cookies in the same way. */
(() => {
  const YEARS = 2 * 365 * 24 * 3600;
  const consent = {};
  const stream = "G-TEST1234";

  // The tag tries the shortest domain first, until a cookie stays.
  const put = (name, value) => {
    const labels = location.hostname.split(".");
    const domains = labels.slice(0, -1).map((_, at) => labels.slice(at).join(".")).reverse();
    for (const domain of [...domains, ""]) {
      const expires = new Date(Date.now() + YEARS * 1000).toUTCString();
      const where = domain && `; domain=${domain}`;
      document.cookie = `${name}=${value}; path=/; expires=${expires}; max-age=${YEARS}${where}`;
      if (document.cookie.includes(`${name}=${value}`)) return;
    }
  };
  const measure = () => {
    if (consent.analytics_storage === "denied") return; // It sends a ping without cookies.
    const second = Math.floor(Date.now() / 1000);
    put("_ga", `GA1.1.${Math.floor(Math.random() * 2 ** 31)}.${second}`);
    put(`_ga_${stream.slice(2)}`, `GS1.1.${second}.1.0.${second}.0.0.0`);
  };
  let configured = false;
  const take = ([command, what, states]) => {
    if (command === "consent") Object.assign(consent, states);
    if (command === "config") configured = true;
    if (configured && (command === "config" || (command === "consent" && what === "update"))) measure();
  };
  const waiting = (window.dataLayer = window.dataLayer || []);
  waiting.forEach(take);
  waiting.push = (...commands) => {
    commands.forEach(take);
    return Array.prototype.push.apply(waiting, commands);
  };
  window.tracked = true; // The tests wait for that.
})();
