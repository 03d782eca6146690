window.orejimeConfig = {
  privacyPolicyUrl: "/cookies",
  cookie: { name: "eu-consent", duration: 120 },
  purposes: [
    { id: "visits", title: "Visits", cookies: [] },
    { id: "ads", title: "Ads", cookies: [] },
  ],
};
