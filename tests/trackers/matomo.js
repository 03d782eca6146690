/* A stand-in for Matomo's tracker, which no package has: it takes the commands in `_paq` as that
   does, and sets and deletes the same cookies in the same way. */
(() => {
  const SUFFIX = ".1.abcd"; // The site's number, and a hash of domain and path.
  const DAY = 24 * 3600 * 1000;
  let tracked = false;
  let mayStore = true;

  const put = (name, value, lasts) => {
    const expires = new Date(Date.now() + lasts).toGMTString();
    document.cookie = `${name}=${encodeURIComponent(value)};expires=${expires};path=/;SameSite=Lax`;
  };
  const has = (name) => new RegExp(`(^|;)[ ]*${name}=`).test(document.cookie);
  const store = () => {
    if (!mayStore) return;
    put("_pk_testcookie" + SUFFIX, "1", DAY);
    if (!has("_pk_testcookie" + SUFFIX)) return;
    put("_pk_testcookie" + SUFFIX, "", -DAY);
    put("_pk_id" + SUFFIX, `${Math.random().toString(16).slice(2, 18)}.${Date.now()}.`, 393 * DAY);
    put("_pk_ses" + SUFFIX, "1", DAY / 48);
  };
  const methods = {
    requireCookieConsent: () => { mayStore = false; },
    setCookieConsentGiven: () => { mayStore = true; if (tracked) store(); },
    rememberCookieConsentGiven: () => {
      put("mtm_cookie_consent", Date.now(), 30 * 365 * DAY);
      methods.setCookieConsentGiven();
    },
    forgetCookieConsentGiven: () => {
      put("mtm_cookie_consent", "", -DAY);
      mayStore = false;
    },
    trackPageView: () => { tracked = true; store(); },
  };
  const take = ([method, ...values]) => methods[method]?.(...values);
  const waiting = window._paq || [];
  window._paq = { push: (...commands) => commands.forEach(take) };
  // As the real one does, it takes what says whether it may store before all else.
  const early = (command) => /Consent/.test(command[0]);
  [...waiting.filter(early), ...waiting.filter((command) => !early(command))].forEach(take);
  window.tracked = true; // The tests wait for that.
})();
