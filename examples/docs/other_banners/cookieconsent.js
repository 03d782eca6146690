// --8<-- [start:settings]
const settings = {
  revision: 1,
  cookie: { name: "cc_cookie", expiresAfterDays: 182 },
  categories: {
    necessary: { enabled: true, readOnly: true },
    visits: {},
    ads: {},
  },
};
// --8<-- [end:settings]
const translation = {
  consentModal: {
    title: "Cookies",
    acceptAllBtn: "Accept all",
    acceptNecessaryBtn: "Reject all",
    showPreferencesBtn: "Choose",
  },
  preferencesModal: {
    title: "Cookies, one by one",
    acceptAllBtn: "Accept all",
    acceptNecessaryBtn: "Reject all",
    savePreferencesBtn: "Save",
    sections: [
      { title: "Visits", linkedCategory: "visits" },
      { title: "Ads", linkedCategory: "ads" },
    ],
  },
};
CookieConsent.run({ ...settings, language: { default: "en", translations: { en: translation } } });
