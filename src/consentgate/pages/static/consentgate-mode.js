/* consentgate: Google Consent Mode v2. The defaults are the visitor's own choice, as the server knows
   it: nothing has to wait for an update. First in <head>, before any tag, not deferred. */
(() => {
  const { default: granted, map } = document.currentScript.dataset;
  window.dataLayer = window.dataLayer || [];
  // Tags take a command only as the arguments of a function: an array is another thing to them.
  function gtag() {
    window.dataLayer.push(arguments);
  }
  window.gtag = window.gtag || gtag;
  gtag("consent", "default", JSON.parse(granted));

  const categories = Object.entries(JSON.parse(map));
  document.addEventListener("consentgate:change", ({ detail: { allowed } }) => {
    const states = categories.map(([storage, category]) => [
      storage,
      allowed.includes(category) ? "granted" : "denied",
    ]);
    gtag("consent", "update", Object.fromEntries(states));
  });
})();
